package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const clusterDocs = "../../docs/cluster"

// programs is a folder of scripts by their names; predict is this test's binary.
func programs(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	scripts["predict"] = asPredict + "=1 GOMLX_BACKEND=go exec " + os.Args[0] + ` "$@"`
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The Slurm example runs with the environment of an array's tasks. A shard that is not
// complete goes into the queue again, some times.
func TestSlurmExample(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(clusterDocs, "predict.sbatch"))
	if err != nil {
		t.Fatal(err)
	}
	weights, in, out := tinyRun(t), put(t, "a.jpg", "b.jpg", "c.jpg", "d.jpg"), t.TempDir()
	bin := programs(t, map[string]string{"srun": `exec "$@"`, "scontrol": `echo "$@" >> requeued`})
	work := t.TempDir()
	if err := os.Symlink(bin, filepath.Join(work, "bin")); err != nil {
		t.Fatal(err)
	}
	task := func(weights string, id, restarts int) (int, string) {
		cmd := exec.Command("bash", script, weights, out, in)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SLURM_ARRAY_JOB_ID=77", fmt.Sprint("SLURM_ARRAY_TASK_ID=", id),
			"SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=0", "SLURM_ARRAY_TASK_MAX=2", fmt.Sprint("SLURM_RESTART_COUNT=", restarts), "JOB_COMPLETION_INDEX=")
		return exitCode(t, cmd)
	}
	for id := range 3 {
		if code, said := task(weights, id, 0); code != 0 {
			t.Fatalf("task %d: code %d: %s", id, code, said)
		}
	}
	checkMerge(t, 4, filepath.Join(out, "shards"))
	for _, restarts := range []int{3, 20} {
		if code, said := task("no-such-weights", 1, restarts); code != 1 || !strings.Contains(said, "no-such-weights") {
			t.Errorf("code %d: %s", code, said)
		}
	}
	if text, err := os.ReadFile(filepath.Join(work, "requeued")); err != nil || string(text) != "requeue 77_1\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// checkMerge merges the shards below a folder into that of n images.
func checkMerge(t *testing.T, n int, root string) {
	t.Helper()
	dirs, _ := filepath.Glob(filepath.Join(root, "*"))
	out := filepath.Join(t.TempDir(), "merged")
	if err := run(t.Context(), append([]string{"merge", "-out", out}, dirs...)); err != nil {
		t.Fatal(err)
	}
	var list imageList
	if readJSON(t, &list, out, "images.json"); len(list.Images) != n {
		t.Errorf("%d images, want %d", len(list.Images), n)
	}
}

// The Kubernetes example is an indexed job whose command line this command takes, with as
// many completions as shards.
func TestKubernetesExample(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(clusterDocs, "predict-job.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       struct {
			CompletionMode       string `yaml:"completionMode"`
			Completions          int
			BackoffLimitPerIndex int `yaml:"backoffLimitPerIndex"`
			PodFailurePolicy     struct {
				Rules []struct {
					Action      string
					OnExitCodes struct {
						ContainerName string `yaml:"containerName"`
						Operator      string
						Values        []int
					} `yaml:"onExitCodes"`
				}
			} `yaml:"podFailurePolicy"`
			Template struct {
				Spec struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct {
						Name          string
						Command, Args []string
						VolumeMounts  []struct{ Name string } `yaml:"volumeMounts"`
					}
					Volumes []struct{ Name string }
				}
			}
		}
	}
	if err := yaml.Unmarshal(raw, &job); err != nil {
		t.Fatal(err)
	}
	spec, pod := job.Spec, job.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || spec.CompletionMode != "Indexed" || spec.BackoffLimitPerIndex < 1 || pod.RestartPolicy != "Never" || len(pod.Containers) != 1 {
		t.Fatalf("%+v", job)
	}
	c, rule := pod.Containers[0], spec.PodFailurePolicy.Rules[0]
	if c.VolumeMounts[0].Name != pod.Volumes[0].Name || rule.Action != "FailIndex" || rule.OnExitCodes.ContainerName != c.Name || fmt.Sprint(rule.OnExitCodes.Values) != "[2 3]" {
		t.Errorf("%+v, %+v", c, rule)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "")
	for i := range spec.Completions {
		index := strconv.Itoa(i)
		t.Setenv("JOB_COMPLETION_INDEX", index)
		var args []string
		for _, arg := range c.Args {
			args = append(args, strings.ReplaceAll(arg, "$(JOB_COMPLETION_INDEX)", index))
		}
		o, err := parse(args)
		if err != nil {
			t.Fatal(err)
		}
		if o.shard.Index != i || o.shard.Of != spec.Completions || !strings.HasSuffix(o.out, "/"+index) {
			t.Errorf("index %d: shard %s in %s", i, o.shard, o.out)
		}
	}
}

// The lines for one machine run as they are printed.
func TestParallelExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(clusterDocs, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	weights, in := tinyRun(t), put(t, "a.jpg", "b.jpg", "c.jpg")
	bin := programs(t, map[string]string{})
	for _, program := range []string{"parallel", "xargs"} {
		t.Run(program, func(t *testing.T) {
			if path, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			} else if version, err := exec.Command(path, "--version").Output(); err != nil || !strings.Contains(string(version), "GNU") {
				t.Skip("not GNU " + program)
			}
			_, line, found := strings.Cut(string(text), "    seq 0 6 | "+program+" ")
			if !found {
				t.Fatal("no such line")
			}
			line, _, _ = strings.Cut(line, "\n")
			line = "seq 0 6 | " + program + " " + strings.NewReplacer("runs/quickstart", weights, "holidays/", in).Replace(line)
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			if code, said := exitCode(t, cmd); code != 0 {
				t.Fatalf("code %d: %s", code, said)
			}
			checkMerge(t, 3, filepath.Join(cmd.Dir, "shards"))
		})
	}
}
