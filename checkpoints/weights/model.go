package weights

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// Model is the weights of an EoMT, or of a backbone alone, from any format. Its
// tensors are read from open files until Close.
type Model struct {
	Path         string
	Format       names.Format
	Architecture arch.Architecture
	Tensors      []tensor.Tensor         // all of Architecture.Tensors, in that order
	Task         string                  // panoptic, instance or semantic; empty if the file does not say
	Classes      []data.Class            // in the order of the class head; nil if the file has no table
	Labels       []string                // names of the classes; nil if the file has none
	Thresholds   *checkpoints.Thresholds // nil if the file has none
	MaskProbs    []float32               // [MaskBlocks] probability of masking per block that sees the queries
	Loading      Loading

	deltas bool // the tensors are differences to a base's
	files  io.Closer
}

// Loading accounts for every name in a file.
type Loading struct {
	Loaded   []names.Pair // parameters and the tensors they were read from
	Buffers  []string     // tensors of the file that are not parameters
	Reshaped []string     // parameters resized to the model: "NAME [..] -> [..]"
	Fresh    []string     // parameters of the model that start from scratch
	Merged   int          // pairs of low-rank factors, added to the weights that they adapt
	Averaged int          // parameters that are moving averages over a run's steps
}

// String is the loading in one line.
func (r Loading) String() string {
	text := fmt.Sprintf("%d parameters loaded", len(r.Loaded))
	for _, part := range []struct {
		what  string
		names []string
	}{{"tensors beside them", r.Buffers}, {"resized", r.Reshaped}, {"started from scratch", r.Fresh}} {
		if len(part.names) > 0 {
			text += fmt.Sprintf("; %d %s (%s)", len(part.names), part.what, strings.Join(part.names, ", "))
		}
	}
	return text + r.Origin()
}

// Origin tells which parameters are not as a checkpoint of this project stores them;
// empty if all are.
func (r Loading) Origin() string {
	text := ""
	if r.Merged > 0 {
		text += fmt.Sprintf("; %d pairs of low-rank factors merged (train.lora)", r.Merged)
	}
	if r.Averaged > 0 {
		text += fmt.Sprintf("; %d are moving averages (train.ema)", r.Averaged)
	}
	return text
}

// SetClasses gives the model a class table, and its names as labels.
func (m *Model) SetClasses(table []data.Class) {
	m.Classes, m.Labels = table, nil
	for _, class := range table {
		m.Labels = append(m.Labels, class.Name)
	}
}

// Close closes the files behind the tensors.
func (m *Model) Close() error { return m.files.Close() }

// Open reads weights of any known format: a checkpoint, checkpoints folder or
// run folder of this project; a folder of Hugging Face's (config.json with
// safetensors, sharded or not, or pytorch_model.bin); a single .safetensors
// file, or one of torch.save. Every parameter of the architecture must be there
// with its shape and nothing else, or the error wraps a [checkpoints.MismatchError].
// Files of differences are refused: see [OpenDeltas]. Of a checkpoint of this project
// with moving averages of parameters these are taken, as the run's validation did.
func Open(path string) (*Model, error) { return openWhole(path, averages) }

// OpenLast is [Open] with the values of the checkpoint's step where it also has moving
// averages.
func OpenLast(path string) (*Model, error) { return openWhole(path, lastStep) }

// choice is which of a checkpoint's values are taken.
type choice bool

const (
	averages choice = false // where it has some
	lastStep choice = true
)

func openWhole(path string, take choice) (*Model, error) {
	m, err := open(path, take)
	if err != nil {
		return nil, fmt.Errorf("weights: open %s: %w", path, err)
	}
	if m.deltas {
		m.Close()
		return nil, fmt.Errorf("weights: open %s: the file holds differences to DINOv3's weights: name their base (-deltas-from BASE), which `weights convert` makes whole weights with", path)
	}
	return m, nil
}

func open(path string, take choice) (*Model, error) {
	s, err := openSource(path)
	if errors.Is(err, ErrNoWeights) {
		return openNative(path, err, take)
	}
	if err != nil {
		return nil, err
	}
	m, err := s.model(path)
	if err != nil {
		return nil, errors.Join(err, s.files.Close())
	}
	return m, nil
}

// openNative opens a checkpoint of this project; none is the error of reading the folder as anything else.
func openNative(path string, none error, take choice) (*Model, error) {
	loaded, err := checkpoints.LoadParams(path)
	if errors.Is(err, checkpoints.ErrNone) {
		return nil, fmt.Errorf("%w; nor a checkpoint of this project", none)
	}
	if err != nil {
		return nil, err
	}
	m := &Model{Path: path, MaskProbs: loaded.State.MaskProbs, files: loaded}
	if take == averages {
		m.Loading.Averaged = useAverages(loaded)
	}
	m.Task, m.Labels, m.Thresholds = loaded.State.Task, loaded.State.Labels, loaded.State.Thresholds
	if loaded.State.Classes != nil {
		m.SetClasses(loaded.State.Classes)
	}
	params := loaded.Params
	state := loaded.State.Architecture
	if state != nil && state.LoRA.Rank > 0 {
		if params, m.Loading.Merged, err = merge(state.LoRA, params); err != nil {
			return nil, errors.Join(err, loaded.Close())
		}
		state.LoRA = arch.LoRA{}
	}
	if err := m.fill(names.Lookup(names.Native), params, func(a arch.Architecture) (arch.Architecture, error) {
		a, err := completed(a, state)
		if n := len(m.Classes); err == nil && n > 0 && n != a.Classes {
			err = fmt.Errorf("the checkpoint's state lists %d classes, its tensors have %d", n, a.Classes)
		}
		return a, err
	}); err != nil {
		return nil, errors.Join(err, loaded.Close())
	}
	return m, nil
}

// useAverages puts a checkpoint's moving averages in place of the parameters that have
// one, and counts them.
func useAverages(loaded *checkpoints.Loaded) int {
	index := tensor.ByName(loaded.Slots[checkpoints.AverageSlot])
	count := 0
	for i, t := range loaded.Params {
		if average, ok := index[t.Name]; ok {
			loaded.Params[i] = average
			count++
		}
	}
	return count
}

// completed combines what the tensors show with what a checkpoint's state says, nil
// if nothing. The two must agree on what both state.
func completed(shown arch.Architecture, state *arch.Architecture) (arch.Architecture, error) {
	if state == nil {
		return shown, nil
	}
	a := shown
	a.Network, a.Heads, a.Grid, a.MaskBlocks, a.HeadSiLU = state.Network, state.Heads, state.Grid, state.MaskBlocks, state.HeadSiLU
	a.NormEps, a.RopeTheta, a.DecoderHeads = state.NormEps, state.RopeTheta, state.DecoderHeads
	if differences := state.Differences(a); differences != nil {
		var parts []string
		for _, d := range differences {
			parts = append(parts, fmt.Sprintf("%s %s, its tensors have %s", d.Field, d.Mine, d.Theirs))
		}
		return shown, fmt.Errorf("the checkpoint's state says %s", strings.Join(parts, "; "))
	}
	return a, a.CheckRead()
}

// model identifies the format and network of a source's tensors.
func (s *source) model(path string) (*Model, error) {
	table, ok := names.Detect(s.tensors)
	if !ok {
		return nil, fmt.Errorf("the tensors' names belong to no known format (%s)", example(s.tensors))
	}
	if table.Format == names.HFMask2Former {
		return nil, fmt.Errorf("a Mask2Former of transformers is no network of this project: decoder_weights reads its decoders into %s and %s",
			arch.ViTMask2Former, arch.ViTAdapterMask2Former)
	}
	config, err := readConfig(s.folder)
	if err != nil {
		return nil, err
	}
	m := &Model{Path: path, files: s.files}
	err = m.fill(table, s.tensors, func(a arch.Architecture) (arch.Architecture, error) {
		if config == nil || !table.HF() {
			return a, nil
		}
		m.Labels = config.labels(a.Classes)
		m.describe(config.Segmentation)
		return config.complete(a)
	})
	return m, err
}

// describe takes task and classes from a Hugging Face folder. A class table whose
// names are not the labels' is stale: the model has since been trained on other
// classes.
func (m *Model) describe(s *segmentation) {
	if s == nil {
		return
	}
	m.Task, m.Thresholds = s.Task, s.Thresholds
	if slices.EqualFunc(s.Classes, m.Labels, func(c data.Class, label string) bool { return c.Name == label }) {
		m.Classes = s.Classes
	}
}

// example names the first few tensors.
func example(tensors []tensor.Tensor) string {
	text := fmt.Sprintf("%d tensors", len(tensors))
	for _, t := range tensors[:min(3, len(tensors))] {
		text += ", " + t.Name
	}
	return text
}

// fill reads tensors through table, finds the architecture, which correct
// completes, and matches the parameters with it.
func (m *Model) fill(table *names.Table, tensors []tensor.Tensor, correct func(arch.Architecture) (arch.Architecture, error)) error {
	reading, err := table.Read(tensors)
	if err != nil {
		return err
	}
	m.Format = table.Format
	a, err := infer(reading.Tensors, table.Kind())
	if err != nil {
		return err
	}
	if err := m.readBuffers(reading.Buffers, &a); err != nil {
		return err
	}
	if a, err = correct(a); err != nil {
		return err
	}
	if a.Kind == arch.DINOv2 && a.Grid == [2]int{} {
		return fmt.Errorf("the position embedding is for no square grid of patches")
	}
	if !a.BackboneOnly() && !a.HasDecoder() && (a.MaskBlocks < 1 || a.MaskBlocks > a.Blocks) {
		return fmt.Errorf("%d of %d blocks see the queries; the file does not state a possible number", a.MaskBlocks, a.Blocks)
	}
	m.Architecture = a
	m.Tensors, _, err = checkpoints.Match(a.Tensors(), reading.Tensors, nil)
	if err = withNames(err, reading); err != nil {
		return err
	}
	if m.MaskProbs == nil {
		m.MaskProbs = make([]float32, a.MaskBlocks)
	}
	if len(m.MaskProbs) != a.MaskBlocks {
		return fmt.Errorf("%d mask probabilities for %d blocks that see the queries", len(m.MaskProbs), a.MaskBlocks)
	}
	m.Loading.Loaded = reading.Pairs
	m.Loading.Buffers = sortedKeys(reading.Buffers)
	return nil
}

// withNames adds what the table already knew to be missing or unexpected, in
// the file's own names.
func withNames(err error, reading *names.Reading) error {
	mismatch := &checkpoints.MismatchError{}
	if err != nil && !errors.As(err, &mismatch) {
		return err
	}
	mismatch.Missing = slices.Concat(reading.Missing, mismatch.Missing)
	mismatch.Unexpected = slices.Concat(reading.Unexpected, mismatch.Unexpected)
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Shape) == 0 {
		return nil
	}
	return mismatch
}

// readBuffers takes the mask probabilities, whose number is that of the blocks
// that see the queries.
func (m *Model) readBuffers(buffers map[string]tensor.Tensor, a *arch.Architecture) error {
	for _, name := range []string{names.OfficialMaskProbs, names.HFMaskProbs} {
		if t, ok := buffers[name]; ok {
			probs, err := t.Float32s()
			if err != nil {
				return err
			}
			m.MaskProbs, a.MaskBlocks = probs, len(probs)
		}
	}
	if t, ok := buffers[names.OfficialPixelStd]; ok {
		std, err := t.Float32s()
		if err != nil {
			return err
		}
		m.deltas = !slices.ContainsFunc(std, func(v float32) bool { return v != 0 })
	}
	return nil
}
