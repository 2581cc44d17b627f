package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/torchfile"
	"eomt/internal/atomicfile"
)

// noObjectWeight is the no-object class's weight in the loss, which the EoMT
// formats store as a buffer.
const noObjectWeight = .1

// WriteNative writes m as the one checkpoint, step 0, of the checkpoints folder dir.
func (m *Model) WriteNative(dir string) error {
	steps, err := checkpoints.Steps(dir)
	if err == nil && len(steps) > 0 {
		err = fmt.Errorf("weights: write %s: it already holds a checkpoint; choose another folder", dir)
	}
	if err != nil {
		return err
	}
	store := &checkpoints.Store{Dir: dir}
	_, err = store.Save(checkpoints.Snapshot{
		State:  m.state(),
		Params: m.Tensors,
	})
	return err
}

// state is what a checkpoint says of m besides its tensors.
func (m *Model) state() checkpoints.State {
	state := checkpoints.State{Architecture: &m.Architecture, MaskProbs: m.MaskProbs,
		Task: m.Task, Classes: m.Classes, Thresholds: m.Thresholds}
	if m.Classes == nil {
		state.Labels = m.Labels
	}
	return state
}

// WriteHF writes m as a folder that transformers' EomtForUniversalSegmentation
// or EomtDinov3ForUniversalSegmentation loads with from_pretrained: config.json,
// model.safetensors and the preprocessor_config.json of its EomtImageProcessor,
// values as they are. Task, class table and thresholds are under the key
// "segmentation" of config.json, from which [Open] takes them back. Images that are not square and an
// MLP width that the configuration cannot express are errors; so is a folder
// that holds weights already.
func (m *Model) WriteHF(dir string) error {
	if err := m.writeHF(dir); err != nil {
		return fmt.Errorf("weights: write %s: %w", dir, err)
	}
	return nil
}

func (m *Model) writeHF(dir string) error {
	format := names.HFDINOv2
	if m.Architecture.Kind == arch.DINOv3 {
		format = names.HFDINOv3
	}
	config, err := m.config()
	if err != nil {
		return err
	}
	tensors, err := m.tensorsIn(format)
	if err != nil {
		return err
	}
	configPath := filepath.Join(dir, configName)
	if err := errors.Join(os.MkdirAll(dir, 0o777), absent(configPath), absent(filepath.Join(dir, processorName))); err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, singleName), func(w io.Writer) error {
		return safetensors.Write(w, tensors, map[string]string{"format": "pt"})
	}); err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, processorName), asJSON(m.processor())); err != nil {
		return err
	}
	return writeNew(configPath, asJSON(config))
}

func asJSON(value any) func(io.Writer) error {
	return func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
}

// WriteOfficial writes m as a file with the reference implementation's names,
// which torch.load(weights_only=True) reads. A DINOv3 model is written whole,
// not as differences. A model with [arch.Architecture].HeadSiLU is an error.
func (m *Model) WriteOfficial(path string) error {
	if m.Architecture.HeadSiLU {
		return fmt.Errorf("weights: write %s: the reference implementation has GELU in mask head and ScaleBlocks, the model SiLU", path)
	}
	format := names.OfficialDINOv2
	if m.Architecture.Kind == arch.DINOv3 {
		format = names.OfficialDINOv3
	}
	tensors, err := m.tensorsIn(format)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err == nil {
		err = writeNew(path, func(w io.Writer) error { return torchfile.Write(w, tensors) })
	}
	if err != nil {
		return fmt.Errorf("weights: write %s: %w", path, err)
	}
	return nil
}

// tensorsIn is m's parameters in a format's names, with the format's buffers.
func (m *Model) tensorsIn(format names.Format) ([]tensor.Tensor, error) {
	if m.Architecture.BackboneOnly() {
		return nil, errors.New("a backbone without queries and heads is no EoMT")
	}
	if m.Architecture.HasDecoder() {
		return nil, fmt.Errorf("no other program has the network %s: -format native writes it", m.Architecture.Network)
	}
	tensors, err := names.Lookup(format).Write(m.Tensors, m.Architecture.SwiGLU)
	if err != nil {
		return nil, err
	}
	dtype := tensor.ByName(m.Tensors)[arch.ClassWeight].DType
	buffer := func(name string, shape []int, values []float32) {
		tensors = append(tensors, tensor.FromFloat32sAs(dtype, name, shape, values))
	}
	empty := make([]float32, m.Architecture.Classes+1)
	for i := range empty {
		empty[i] = 1
	}
	empty[len(empty)-1] = noObjectWeight
	buffer(names.EmptyWeight, []int{len(empty)}, empty)
	maskProbs := m.MaskProbs
	if m.Architecture.Network == arch.EoMTMasked {
		maskProbs = slices.Repeat([]float32{1}, m.Architecture.MaskBlocks)
	}
	probs := []int{len(maskProbs)}
	if format == names.HFDINOv2 || format == names.HFDINOv3 {
		if m.Architecture.Registers == 0 { // transformers has a parameter without elements then
			buffer(names.HFRegisters, []int{1, 0, m.Architecture.Width}, nil)
		}
		buffer(names.HFMaskProbs, probs, maskProbs)
		return tensors, nil
	}
	buffer(names.OfficialMaskProbs, probs, maskProbs)
	buffer(names.OfficialPixelMean, []int{1, 3, 1, 1}, pixelMean)
	buffer(names.OfficialPixelStd, []int{1, 3, 1, 1}, pixelStd)
	return tensors, nil
}

// config is the config.json of transformers for m.
func (m *Model) config() (map[string]any, error) {
	a := m.Architecture
	if a.Grid[0] != a.Grid[1] || a.Grid[0] == 0 {
		return nil, fmt.Errorf("transformers' EoMT takes square images only, the model's grid of patches is %d x %d", a.Grid[0], a.Grid[1])
	}
	if a.Heads == 0 {
		return nil, errors.New("the number of attention heads is not known")
	}
	if a.Kind == arch.DINOv3 && a.SwiGLU && !a.HeadSiLU {
		return nil, errors.New("transformers' EomtDinov3 with a gated MLP has SiLU in its mask head and ScaleBlocks too, the model has GELU there")
	}
	config := map[string]any{
		"hidden_size": a.Width, "num_hidden_layers": a.Blocks, "num_attention_heads": a.Heads,
		"hidden_act": "gelu", "layer_norm_eps": a.NormEps, "image_size": a.Grid[0] * a.Patch, "patch_size": a.Patch,
		"num_blocks": a.MaskBlocks, "num_queries": a.Queries, "num_register_tokens": a.Registers,
		"num_upscale_blocks": a.Upscales, "dtype": torchName(tensor.ByName(m.Tensors)[arch.ClassWeight].DType),
		"no_object_weight": noObjectWeight,
	}
	idToLabel, labelToID := map[string]string{}, map[string]int{}
	for i := range a.Classes {
		label := fmt.Sprint("LABEL_", i)
		if len(m.Labels) == a.Classes {
			label = m.Labels[i]
		}
		idToLabel[strconv.Itoa(i)], labelToID[label] = label, i
	}
	config["id2label"], config["label2id"] = idToLabel, labelToID
	if m.Task != "" || m.Classes != nil || m.Thresholds != nil {
		config["segmentation"] = segmentation{m.Task, m.Classes, m.Thresholds}
	}
	if a.HeadSiLU {
		config["hidden_act"] = "silu"
	}
	if a.Kind == arch.DINOv3 {
		config["model_type"], config["architectures"] = "eomt_dinov3", []string{"EomtDinov3ForUniversalSegmentation"}
		config["intermediate_size"], config["use_gated_mlp"] = a.Hidden, a.SwiGLU
		config["rope_parameters"] = map[string]any{"rope_theta": a.RopeTheta, "rope_type": "default"}
		config["key_bias"] = false
		return config, nil
	}
	ratio, err := mlpRatio(a)
	if err != nil {
		return nil, err
	}
	config["model_type"], config["architectures"] = "eomt", []string{"EomtForUniversalSegmentation"}
	config["mlp_ratio"], config["use_swiglu_ffn"] = ratio, a.SwiGLU
	return config, nil
}

// mlpRatio is transformers' mlp_ratio, a whole number that the MLP's width
// follows from: width * ratio, or with SwiGLU two thirds of it rounded up to
// eight (EomtSwiGLUFFN).
func mlpRatio(a arch.Architecture) (int, error) {
	for ratio := 1; ratio <= 64; ratio++ {
		hidden := a.Width * ratio
		if a.SwiGLU {
			hidden = (hidden*2/3 + 7) / 8 * 8
		}
		if hidden == a.Hidden {
			return ratio, nil
		}
	}
	return 0, fmt.Errorf("no whole mlp_ratio gives an MLP of width %d from %d; transformers cannot load such a model", a.Hidden, a.Width)
}

// torchName is torch's name of an element type.
func torchName(dtype tensor.DType) string {
	return map[tensor.DType]string{
		tensor.Float16: "float16", tensor.BFloat16: "bfloat16", tensor.Float32: "float32", tensor.Float64: "float64",
	}[dtype]
}

// writeNew has fill write a file that must not exist yet; it appears under its
// name only when it is whole and on disk.
func writeNew(path string, fill func(io.Writer) error) error {
	if err := absent(path); err != nil {
		return err
	}
	return atomicfile.Write(path, fill)
}

// absent fails if path is there.
func absent(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return fmt.Errorf("%s already exists; choose another path", path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
