package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"eomt/experiment"
)

const clusterDocs = "../../docs/cluster"

// The example of a Kubernetes job is of the operator's form, and its command line one
// that this command takes.
func TestMPIJobExample(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(clusterDocs, "mpijob.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type replica struct {
		Replicas int `yaml:"replicas"`
		Template struct {
			Spec struct {
				Containers []struct {
					Command, Args []string
					VolumeMounts  []struct{ Name string } `yaml:"volumeMounts"`
				}
				Volumes []struct{ Name string }
			}
		}
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       struct {
			Replicas map[string]replica `yaml:"mpiReplicaSpecs"`
		}
	}
	if err := yaml.Unmarshal(raw, &job); err != nil {
		t.Fatal(err)
	}
	launcher, worker := job.Spec.Replicas["Launcher"], job.Spec.Replicas["Worker"]
	if job.APIVersion != "kubeflow.org/v2beta1" || job.Kind != "MPIJob" || launcher.Replicas != 1 || worker.Replicas != 2 {
		t.Fatalf("%+v", job)
	}
	for _, r := range []replica{launcher, worker} {
		if s := r.Template.Spec; len(s.Containers) != 1 || len(s.Volumes) != 1 || s.Containers[0].VolumeMounts[0].Name != s.Volumes[0].Name {
			t.Errorf("%+v", s)
		}
	}
	args := launcher.Template.Spec.Containers[0].Args
	at := slices.Index(args, "/eomt/bin/train")
	if at < 0 || launcher.Template.Spec.Containers[0].Command[0] != "mpirun" {
		t.Fatal(args)
	}
	checkExample(t, args[at+1:])
}

// checkExample holds a command line of an example to what the command takes.
func checkExample(t *testing.T, args []string) {
	t.Helper()
	o, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	if o.resume.Resume != experiment.ResumeAuto {
		t.Errorf("%v does not resume", args)
	}
	if _, err := os.Stat(filepath.Join("../..", strings.TrimPrefix(o.config, "/eomt"))); err != nil {
		t.Error(err)
	}
}

// The example of a Slurm job is a script that bash reads, with a command line that this
// command takes.
func TestSlurmExample(t *testing.T) {
	path := filepath.Join(clusterDocs, "train.sbatch")
	if out, err := exec.Command("bash", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, line, found := strings.Cut(string(raw), "bin/train -config ")
	if !found {
		t.Fatal("no command in the script")
	}
	line = "-config " + line
	line, _, _ = strings.Cut(line, "||")
	args := strings.Fields(strings.NewReplacer(`"$config"`, "/eomt/configs/quickstart.yaml", `"$run"`, "RUN").Replace(line))
	checkExample(t, args)
}
