package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints"
	"eomt/data"
	"eomt/internal/backend/backendtest"
)

// set gives a parameter one value everywhere.
func set(t *testing.T, s *Step, state *State, name string, value float32) {
	t.Helper()
	found := false
	for i, p := range s.config.Network.Architecture().Parameters() {
		if p.Name == name {
			found = true
			values := make([]float32, p.Size())
			for k := range values {
				values[k] = value
			}
			state.Params[i] = tensors.FromFlatDataAndDimensions(values, p.Shape...)
		}
	}
	if !found {
		t.Fatalf("no parameter %s", name)
	}
}

// grayAndWhite is a batch of a gray and a white image.
func grayAndWhite(s *Step) *data.Batch {
	b := quickBatch(s.config.Network.Architecture(), 2, 8)
	half := len(b.Images) / 2
	for i := range b.Images {
		b.Images[i] = 118
		if i >= half {
			b.Images[i] = 255
		}
	}
	b.Names = []string{"gray.jpg", "white.jpg"}
	return b
}

// A step that is not finite leaves the state as it was, in one program and in shares;
// replayed it names the tensor and the image.
func TestReplayNamesTensorAndImage(t *testing.T) {
	for name, test := range map[string]struct {
		parameter string
		value     float32
		shares    int
		what      string
		image     int
	}{
		"parameter":  {"backbone.norm.bias", float32(math.NaN()), 1, "parameter backbone.norm.bias", -1},
		"embedding":  {"backbone.patch_embed.proj.weight", 1e36, 1, "tokens after the embedding", 1},
		"block":      {"backbone.blocks.1.mlp.fc1.weight", 3e38, 1, "tokens after block 1", 0},
		"in shares":  {"backbone.blocks.1.mlp.fc1.weight", 3e38, 2, "tokens after block 1", 0},
		"class head": {"class_head.weight", 3e38, 1, "class logits of prediction 0", 0},
		"norm":       {"mask_head.4.weight", 1e25, 1, "the gradient norm or a sum over images: every tensor of each image is finite", -1},
	} {
		t.Run(name, func(t *testing.T) {
			c := small(4)
			c.Accumulate = test.shares
			s, err := NewStep(backendtest.Go(t), c)
			if err != nil {
				t.Fatal(err)
			}
			state, err := NewState(c.Network.Architecture(), nil, 1, dtypes.Float32)
			if err != nil {
				t.Fatal(err)
			}
			set(t, s, state, test.parameter, test.value)
			var before [][]float32
			for _, p := range state.Params {
				before = append(before, tensors.MustCopyFlatData[float32](p))
			}
			losses, found, err := s.Replay(state, grayAndWhite(s))
			if err != nil || losses.Finite() || len(found) == 0 {
				t.Fatalf("%+v, %v, %v", losses, found, err)
			}
			if f := found[0]; !strings.HasPrefix(f.What, test.what) || f.Image != test.image || f.Bad < 1 || f.Of < f.Bad {
				t.Errorf("found %+v first, want %s in image %d", f, test.what, test.image)
			}
			if state.Step != 0 {
				t.Errorf("the state is after step %d", state.Step)
			}
			for i, p := range state.Params {
				if after := tensors.MustCopyFlatData[float32](p); !bytes.Equal(bits(after), bits(before[i])) {
					t.Fatalf("parameter %d has changed", i)
				}
			}
		})
	}
}

// bits are comparable where a NaN is not.
func bits(values []float32) (raw []byte) {
	for _, v := range values {
		u := math.Float32bits(v)
		raw = append(raw, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
	}
	return raw
}

func TestReplayOfAFiniteStep(t *testing.T) {
	s := newTrial(t, backendtest.Go(t)).step
	state, err := NewState(s.config.Network.Architecture(), nil, 1, dtypes.Float32)
	if err != nil {
		t.Fatal(err)
	}
	losses, found, err := s.Replay(state, quickBatch(s.config.Network.Architecture(), 2, 8))
	if err != nil || !losses.Finite() || found != nil {
		t.Errorf("%+v, %v, %v", losses, found, err)
	}
}

// What a run captures reads back as the batch and the state before the step.
func TestCapturedStep(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	state := tr.fresh()
	set(t, tr.step, state, "class_head.weight", float32(math.NaN()))
	var batch *data.Batch
	tr.wrap = func(from Batches) Batches {
		return wrapped(func(ctx context.Context) (_ *data.Batch, err error) {
			batch, err = from.Next(ctx)
			return batch, err
		})
	}
	err := tr.run(t.Context(), state, nil)
	var stop *NonFiniteError
	if !errors.As(err, &stop) || stop.Captured != filepath.Join(tr.dir, "nonfinite", "step-00000000") {
		t.Fatal(err)
	}
	got, err := ReadCapturedBatch(stop.Captured)
	if err != nil || !reflect.DeepEqual(got, batch) {
		t.Errorf("the batch differs: %v", err)
	}
	loaded, err := checkpoints.Load(stop.Captured)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if _, err := Restore(tr.step.config.Network.Architecture(), loaded.Snapshot); err != nil || loaded.State.Step != 0 {
		t.Errorf("step %d, %v", loaded.State.Step, err)
	}
	if err := os.Truncate(filepath.Join(stop.Captured, capturedBatch), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCapturedBatch(stop.Captured); err == nil || !strings.HasPrefix(err.Error(), "train: captured batch: ") {
		t.Errorf("a truncated batch: %v", err)
	}
}
