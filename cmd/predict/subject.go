package main

import (
	"fmt"
	"os"
	"path/filepath"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
	"eomt/data/formats"
	"eomt/internal/cli"
	"eomt/model"
)

// subject is what weights segment: task and thresholds, architecture, classes.
type subject struct {
	config       configs.Config
	architecture arch.Architecture
	network      model.Network
	classes      []data.Class
}

// readSubject reads it off the configuration that is given or lies in the
// weights' run folder, and for the rest off the weights themselves.
func readSubject(path, config string) (*subject, error) {
	stored, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	s := &subject{config: configs.Default()}
	if stored.Architecture.BackboneOnly() {
		return nil, fmt.Errorf("weights: %s: the weights are of a backbone alone, without queries and heads", path)
	}
	s.architecture = stored.Architecture
	if config == "" {
		config = runConfig(path)
	}
	if config != "" {
		if s.config, err = configs.Read(config); err != nil {
			return nil, err
		}
		if s.architecture, err = s.architecture.ForImage(s.config.Model.Image[0], s.config.Model.Image[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", config, err)
		}
	} else {
		s.config.Data.Format, s.config.Task = guess(s.architecture.Classes)
	}
	if s.architecture.ImageH() == 0 || s.architecture.ImageW() == 0 {
		return nil, cli.Usagef("-weights %s: the file does not tell its image size: name a configuration with -config", path)
	}
	if s.network, err = model.New(s.architecture); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	s.classes = classes(s.config, s.architecture.Classes, stored.Labels)
	return s, nil
}

// runConfig is the configuration of the run that a run, checkpoints or step
// folder is of; empty where there is none.
func runConfig(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	for _, dir := range []string{path, filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		file := filepath.Join(dir, "config.yaml")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// guess is the data set that a model of so many classes was most likely made for.
func guess(classes int) (format, task string) {
	switch classes {
	case 80:
		return "coco", "instance"
	case 150:
		return "ade20k", "semantic"
	case 19:
		return "cityscapes", "semantic"
	}
	return "coco", "panoptic"
}

// classes is the class table of the data set, if it has n classes, under the
// names that the weights have, if any.
func classes(c configs.Config, n int, labels []string) []data.Class {
	var table []data.Class
	if format, err := formats.Named(c.Data.Format); err == nil {
		_, table, _ = format.Published(data.OpenOptions{Task: c.Task, Split: "train", Shapes: c.Data.Shapes})
	}
	if len(table) != n {
		table = make([]data.Class, n)
		for i := range table {
			table[i] = data.Class{ID: i, Name: fmt.Sprintf("class %d", i), Thing: true, Color: data.Color(i)}
		}
	}
	for i := range labels {
		table[i].Name = labels[i]
	}
	return table
}
