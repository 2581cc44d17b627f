package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/data"
	"eomt/data/coco"
	"eomt/data/loader"
	"eomt/data/shapes"
	"eomt/data/transform"
	"eomt/losses"
	"eomt/model"
)

// network is that of a valid architecture.
func network(a arch.Architecture) model.Network {
	n, err := model.New(a)
	if err != nil {
		panic(err)
	}
	return n
}

func smallArchitecture(classes int) arch.Architecture {
	return arch.Architecture{Width: 16, Blocks: 2, Heads: 2, Hidden: 32, MaskBlocks: 1, Registers: 1,
		Grid: [2]int{8, 8}, Queries: 8, Classes: classes}.ForKind(arch.DINOv2).ForPatch(8)
}

// small is a recipe whose step takes moments: both warm-ups, the annealing and
// the end of the schedule lie within its six steps.
func small(classes int) StepConfig {
	loss := losses.Defaults()
	loss.Points = 64
	return StepConfig{
		Network: network(smallArchitecture(classes)),
		Loss:    loss, Optimizer: recipe(1e-3, 0.1), BatchSize: 2, Seed: 5,
		Schedule: Schedule{Total: 6, WarmupHead: 1, WarmupBackbone: 1, Annealing: []Anneal{{1, 5}}},
	}
}

// recipe is the default optimiser with another rate and clipping.
func recipe(rate, clipNorm float64) OptimizerConfig {
	c := DefaultOptimizer()
	c.LearningRate, c.ClipNorm = rate, clipNorm
	return c
}

// shapesRoot is a generated data set that all tests share.
var shapesRoot = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "shapes")
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, "set")
	return root, shapes.Generate(context.Background(), shapes.Config{Dir: root, Train: 10, Size: 64, Seed: 2}, nil)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if root, err := shapesRoot(); err == nil {
		os.RemoveAll(filepath.Dir(root))
	}
	os.Exit(code)
}

// steps are the compiled steps of small on generated things, one a backend.
var steps = map[compute.Backend]*Step{}

// trial is a run on generated things.
type trial struct {
	t    *testing.T
	step *Step
	dir  string
	// wrap, if not nil, stands between loader and run.
	wrap func(Batches) Batches
	RunConfig
}

func newTrial(t *testing.T, b compute.Backend) *trial {
	t.Helper()
	step := steps[b]
	if step == nil {
		things := 0
		for _, c := range shapes.Classes() {
			if c.Thing {
				things++
			}
		}
		var err error
		if step, err = NewStep(b, small(things)); err != nil {
			t.Fatal(err)
		}
		steps[b] = step
	}
	dir := t.TempDir()
	return &trial{t: t, step: step, dir: dir,
		RunConfig: RunConfig{Dir: dir, Stop: 6, LogEvery: 1, CheckpointEvery: 3, Keep: 9, StepsPerEpoch: 5}}
}

func (tr *trial) fresh() *State {
	tr.t.Helper()
	state, err := NewState(tr.step.config.Network.Architecture(), nil, 1, dtypes.Float32)
	if err != nil {
		tr.t.Fatal(err)
	}
	return state
}

// saved is the state of the trial's latest checkpoint, which the next run resumes.
func (tr *trial) saved() *State {
	tr.t.Helper()
	loaded, err := checkpoints.Load(tr.dir)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer loaded.Close()
	state, err := Restore(tr.step.config.Network.Architecture(), loaded.Snapshot)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.Saved = loaded.State
	return state
}

func (tr *trial) run(ctx context.Context, state *State, validate Validate) error {
	tr.t.Helper()
	root, err := shapesRoot()
	if err != nil {
		tr.t.Fatal(err)
	}
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		tr.t.Fatal(err)
	}
	defer set.Close()
	c := tr.step.config
	l, err := loader.New(set, loader.Config{Batch: c.BatchSize, Seed: c.Seed, Start: state.Step,
		Transform: transform.Train{H: c.Network.Architecture().ImageH(), W: c.Network.Architecture().ImageW(), ScaleMin: 0.8, ScaleMax: 1.2, ColorJitter: true}})
	if err != nil {
		tr.t.Fatal(err)
	}
	defer l.Close()
	var batches Batches = l
	if tr.wrap != nil {
		batches = tr.wrap(l)
	}
	return Run(ctx, tr.RunConfig, tr.step, state, batches, validate)
}

// entries are the lines of the trial's log.
func (tr *trial) entries() []Entry {
	tr.t.Helper()
	all, err := ReadEntries(tr.dir)
	if err != nil {
		tr.t.Fatal(err)
	}
	return all
}

func (tr *trial) wantNoCheckpoint() {
	tr.t.Helper()
	if found, err := checkpoints.Find(tr.dir); !errors.Is(err, checkpoints.ErrNone) {
		tr.t.Errorf("checkpoint %q, %v; nothing was to be saved", found, err)
	}
}

// wrapped is Batches as a function.
type wrapped func(ctx context.Context) (*data.Batch, error)

func (w wrapped) Next(ctx context.Context) (*data.Batch, error) { return w(ctx) }

// file is a file of the checkpoint of step 6.
func (tr *trial) file(name string) []byte {
	tr.t.Helper()
	raw, err := os.ReadFile(filepath.Join(tr.dir, "checkpoints", "step-00000006", name))
	if err != nil {
		tr.t.Fatal(err)
	}
	return raw
}
