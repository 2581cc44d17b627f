package configs

import (
	"strings"
	"testing"
)

// Keys without effect are refused, by name and with the reason.
func TestKeysWithoutEffect(t *testing.T) {
	const semantic = "task: semantic\n"
	for name, test := range map[string]struct{ text, want string }{
		"width of a published size": {sound + "model: {width: 64}\n",
			"line 3: model.width: has no effect: model.size L fixes it; model.size custom takes it"},
		"all of a custom size": {sound + "model: {size: S, width: 1, blocks: 1, heads: 1, mlp_hidden: 1, query_blocks: 1, patch: 8}\n",
			"model.width: has no effect: model.size S fixes it; model.size custom takes it; likewise model.blocks; likewise model.heads; likewise model.mlp_hidden; likewise model.query_blocks; likewise model.patch"},
		"decoder of a published size": {sound + "model: {network: vit_decoder, decoder_width: 64}\n",
			"line 3: model.decoder_width: has no effect: model.size L fixes it; model.size custom takes it"},
		"decoder of EoMT": {sound + "model: {size: custom, decoder_layers: 4, encoder_layers: 2}\n",
			"line 3: model.decoder_layers: has no effect: model.network eomt has no Transformer decoder; likewise model.encoder_layers"},
		"pixel decoder where there is none": {sound + "model: {size: custom, network: vit_decoder, decoder_layers: 4, encoder_layers: 2}\n",
			"line 3: model.encoder_layers: has no effect: model.network vit_decoder has no pixel decoder"},
		"query blocks of a decoder": {sound + "model: {size: custom, network: vit_mask2former, query_blocks: 2}\n",
			"line 3: model.query_blocks: has no effect: no block of model.network vit_mask2former sees queries"},
		"annealing of a network that masks always": {"data: {root: x}\ntrain: {epochs: 1, annealing: {off: true}}\nmodel: {network: eomt_masked}\n",
			"line 2: train.annealing.off: has no effect: model.network eomt_masked masks always"},
		"rotary base of DINOv2": {sound + "model: {rope_theta: 50}\n",
			"line 3: model.rope_theta: has no effect: model.backbone dinov2 has no rotary embedding"},
		"shapes of COCO": {"data: {root: x, shapes: {train: 1, size: 64}}\ntrain: {epochs: 1}\n",
			"c.yaml: line 1: data.shapes: has no effect: data.format coco generates nothing"},
		"files of ADE20K": {"data: {root: x, format: ade20k, val: {images: v}}\ntrain: {epochs: 1}\n" + semantic,
			"line 1: data.val.images: has no effect: data.format ade20k has a layout of its own"},
		"label maps of instances": {"task: instance\ndata: {root: x, train: {masks: m}}\ntrain: {epochs: 1}\n",
			"line 2: data.train.masks: has no effect: task instance reads no label maps"},
		"decoders of a network without": {sound + "decoder_weights: x\n",
			"line 3: decoder_weights: has no effect: model.network eomt has no pixel decoder"},
		"new parameters of nothing": {sound + "new_parameters: [class_head.]\n",
			"line 3: new_parameters: has no effect: without weights all parameters are new"},
		"factors of nothing": {"data: {root: x}\ntrain: {epochs: 1, lora: {rank: 4}}\n",
			"train.lora.rank: has no effect: without weights the backbone that it freezes is random"},
		"factors without a rank": {"weights: w\ndata: {root: x}\ntrain: {epochs: 1, lora: {alpha: 4, targets: [q]}}\n",
			"train.lora.alpha: has no effect: without train.lora.rank there are no factors; likewise train.lora.targets"},
		"threshold of uniform sampling": {"data: {root: x, sampling_threshold: 0.1}\ntrain: {epochs: 1}\n",
			"data.sampling_threshold: has no effect: data.sampling is uniform"},
		"early stop without validations": {"data: {root: x}\ntrain: {epochs: 1, early_stop: {patience: 2}}\n",
			"train.early_stop.patience: has no effect: train.validate_every 0 validates after the last step only"},
		"improvement without patience": {"data: {root: x}\ntrain: {epochs: 1, validate_every: 1, early_stop: {least: 0.1}}\n",
			"train.early_stop.least: has no effect: without train.early_stop.patience no run ends early"},
		"two lengths": {"data: {root: x}\ntrain: {epochs: 1, total_steps: 5}\n",
			"line 2: train.epochs: has no effect: train.total_steps is stated too; state one of them"},
		"first span twice": {"data: {root: x}\ntrain: {epochs: 1, annealing: {first: [0, 1], start: [2], end: [3]}}\n",
			"line 2: train.annealing.first: has no effect: train.annealing.start states the first block's span too"},
		"spans when off": {"data: {root: x}\ntrain: {epochs: 1, annealing: {off: true, start: [2], end: [3]}}\n",
			"train.annealing.start: has no effect: train.annealing.off is stated too; likewise train.annealing.end"},
	} {
		path := file(t, test.text)
		if _, err := Read(path); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "c.yaml"), test.want) {
			t.Errorf("%s: %v\nlacks %q", name, err, test.want)
		}
	}
	_, err := Read(file(t, sound), "train.epochs=3", "train.total_steps=9")
	if want := "-set train.epochs=3: has no effect: train.total_steps is stated too"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("both lengths by -set: %v lacks %q", err, want)
	}
	if _, err := Read(file(t, sound), "model.width=64"); err == nil || !strings.Contains(err.Error(), "-set model.width=64: has no effect: model.size L fixes it") {
		t.Errorf("width by -set: %v", err)
	}
}

// An override replaces the alternative that the file states.
func TestOverrideReplacesTheAlternative(t *testing.T) {
	c, err := Read(file(t, sound), "train.total_steps=9")
	if err != nil || c.Train.Schedule.Epochs != 0 || c.Train.Schedule.TotalSteps != 9 {
		t.Errorf("%v, %v: %v", c.Train.Schedule.Epochs, c.Train.Schedule.TotalSteps, err)
	}
	if c, err = Read("quickstart.yaml", "train.epochs=2"); err != nil || c.Train.Schedule.Epochs != 2 || c.Train.Schedule.TotalSteps != 0 {
		t.Errorf("%v, %v: %v", c.Train.Schedule.Epochs, c.Train.Schedule.TotalSteps, err)
	}
	spans := "data: {root: x}\ntrain: {epochs: 1, annealing: {start: [2], end: [3]}}\n"
	if c, err = Read(file(t, spans), "train.annealing={first: [0, 4]}"); err != nil || c.Train.Schedule.Annealing.Start != nil || c.Train.Schedule.Annealing.End != nil {
		t.Errorf("%+v: %v", c.Train.Schedule.Annealing, err)
	}
	if c, err = Read(file(t, spans), "train.annealing.off=true"); err != nil || c.Train.Schedule.Annealing.Start != nil || !c.Train.Schedule.Annealing.Off {
		t.Errorf("%+v: %v", c.Train.Schedule.Annealing, err)
	}
	// A length of 0 states none: the file's stays.
	if c, err = Read(file(t, sound), "train.total_steps=0"); err != nil || c.Train.Schedule.Epochs != 1 {
		t.Errorf("%v: %v", c.Train.Schedule.Epochs, err)
	}
}
