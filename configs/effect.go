package configs

import (
	"reflect"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/data/formats"
	"eomt/data/loader"
)

// condition is what keys need to have an effect.
type condition struct {
	keys  []string // keys or sections
	holds func(c *Config) bool
	why   func(c *Config) string // why they have no effect where it does not hold
}

var customKeys = []string{"model.width", "model.blocks", "model.heads", "model.mlp_hidden", "model.query_blocks", "model.patch"}

var decoderKeys = []string{"model.decoder_width", "model.decoder_heads", "model.decoder_layers", "model.decoder_hidden",
	"model.encoder_layers", "model.encoder_hidden"}

// network is the network of the configured name, without sizes.
func (c *Config) network() arch.Architecture {
	return arch.Architecture{Network: c.Model.Network, Queries: 1}
}

// conditions lists all keys whose effect depends on other keys.
var conditions = []condition{
	{customKeys,
		func(c *Config) bool { return c.Model.Size == arch.SizeCustom },
		func(c *Config) string { return "model.size " + c.Model.Size + " fixes it; model.size custom takes it" }},
	{decoderKeys,
		func(c *Config) bool { return c.Model.Size == arch.SizeCustom },
		func(c *Config) string { return "model.size " + c.Model.Size + " fixes it; model.size custom takes it" }},
	{decoderKeys,
		func(c *Config) bool { return c.network().HasDecoder() },
		func(c *Config) string { return "model.network " + c.Model.Network + " has no Transformer decoder" }},
	{decoderKeys[4:],
		func(c *Config) bool { return c.network().HasPixelDecoder() },
		func(c *Config) string { return "model.network " + c.Model.Network + " has no pixel decoder" }},
	{[]string{"model.query_blocks", "train.query_blocks_full_rate"},
		func(c *Config) bool { return !c.network().HasDecoder() },
		func(c *Config) string { return "no block of model.network " + c.Model.Network + " sees queries" }},
	{[]string{"train.annealing"},
		func(c *Config) bool { return c.Model.Network == arch.EoMT },
		func(c *Config) string { return "model.network " + c.Model.Network + " masks always" }},
	{[]string{"model.rope_theta"},
		func(c *Config) bool { return c.Model.Backbone == string(arch.DINOv3) },
		func(c *Config) string { return "model.backbone " + c.Model.Backbone + " has no rotary embedding" }},
	{[]string{"data.shapes"},
		func(c *Config) bool { return c.formatReads("shapes") },
		func(c *Config) string { return "data.format " + c.Data.Format + " generates nothing" }},
	{[]string{"data.train"},
		func(c *Config) bool { return c.formatReads("train") },
		func(c *Config) string { return "data.format " + c.Data.Format + " has a layout of its own" }},
	{[]string{"data.val"},
		func(c *Config) bool { return c.formatReads("val") },
		func(c *Config) string { return "data.format " + c.Data.Format + " has a layout of its own" }},
	{[]string{"data.train.masks", "data.val.masks"},
		func(c *Config) bool { return c.Task == "panoptic" },
		func(c *Config) string { return "task " + c.Task + " reads no label maps" }},
	{[]string{"data.sampling_threshold"},
		func(c *Config) bool { return c.Data.Loader.Sampling == loader.Balanced },
		func(c *Config) string { return "data.sampling is " + c.Data.Loader.Sampling }},
	{[]string{"decoder_weights"},
		func(c *Config) bool { return c.network().HasPixelDecoder() },
		func(c *Config) string { return "model.network " + c.Model.Network + " has no pixel decoder" }},
	{[]string{"new_parameters"},
		func(c *Config) bool { return c.Weights != "" || c.DecoderWeights != "" },
		func(*Config) string { return "without weights all parameters are new" }},
	{[]string{"train.early_stop"},
		func(c *Config) bool { return c.Train.Run.ValidateEvery > 0 },
		func(*Config) string { return "train.validate_every 0 validates after the last step only" }},
	{[]string{"train.early_stop.least"},
		func(c *Config) bool { return c.Train.Run.EarlyStop.Patience > 0 },
		func(*Config) string { return "without train.early_stop.patience no run ends early" }},
	{[]string{"train.lora"},
		func(c *Config) bool { return c.Weights != "" },
		func(*Config) string { return "without weights the backbone that it freezes is random" }},
	{[]string{"train.lora.alpha", "train.lora.targets"},
		func(c *Config) bool { return c.Train.FineTune.LoRA.Rank > 0 },
		func(*Config) string { return "without train.lora.rank there are no factors" }},
	{[]string{"train.epochs"},
		func(c *Config) bool { return c.Train.Schedule.TotalSteps == 0 },
		func(*Config) string { return "train.total_steps is stated too; state one of them" }},
	{[]string{"train.annealing.first", "train.annealing.start", "train.annealing.end"},
		func(c *Config) bool { return !c.Train.Schedule.Annealing.Off },
		func(*Config) string { return "train.annealing.off is stated too" }},
	{[]string{"train.annealing.first"},
		func(c *Config) bool { return len(c.Train.Schedule.Annealing.Start) == 0 },
		func(*Config) string { return "train.annealing.start states the first block's span too" }},
}

// formatReads reports whether the data set format reads a key of section data.
func (c *Config) formatReads(key string) bool {
	format, err := formats.Named(c.Data.Format)
	return err == nil && slices.Contains(format.Keys, key)
}

// checkEffect refuses keys without effect. A key at its default states nothing.
func (c Config) checkEffect() *FieldError {
	var first *FieldError
	c.withoutEffect(func(name string, why string) {
		if first == nil {
			first = fail(name, "has no effect: %s", why)
			return
		}
		first.Reason += "; likewise " + name
	})
	return first
}

// withoutEffect visits the keys that are stated and have no effect.
func (c *Config) withoutEffect(visit func(name, why string)) {
	defaults := map[string]string{}
	for _, k := range Keys(Default()) {
		defaults[k.Name] = text(k.value)
	}
	stated := Keys(*c)
	for _, condition := range conditions {
		if condition.holds(c) {
			continue
		}
		for _, name := range condition.keys {
			if name == "data.shapes" && c.Data.Shapes != nil {
				visit(name, condition.why(c))
				continue
			}
			for _, k := range stated {
				if isBelow(k.Name, name) && text(k.value) != defaults[k.Name] {
					visit(k.Name, condition.why(c))
				}
			}
		}
	}
}

// isBelow reports whether a key is the named one or lies in the section of that name.
func isBelow(key, name string) bool {
	return key == name || strings.HasPrefix(key, name+".")
}

// alternatives are keys that exclude each other.
var alternatives = [][2]string{
	{"train.epochs", "train.total_steps"},
	{"train.annealing.first", "train.annealing.start"},
	{"train.annealing.first", "train.annealing.end"},
	{"train.annealing.off", "train.annealing.first"},
	{"train.annealing.off", "train.annealing.start"},
	{"train.annealing.off", "train.annealing.end"},
}

// replaceAlternatives drops what a file states where an override states the
// alternative to it.
func (c *Config) replaceAlternatives(sources map[string]string) {
	overrides := map[string]bool{}
	for _, k := range Keys(*c) {
		overrides[k.Name] = strings.HasPrefix(sources[k.Name], "-set ") && !k.value.IsZero()
	}
	for _, pair := range alternatives {
		for i, key := range pair {
			if other := pair[1-i]; overrides[key] && !overrides[other] {
				c.reset(other)
			}
		}
	}
}

// reset gives a key or section its default.
func (c *Config) reset(name string) {
	defaults := Default()
	to, from := reflect.ValueOf(c).Elem(), reflect.ValueOf(&defaults).Elem()
	for part := range strings.SplitSeq(name, ".") {
		if to.Kind() == reflect.Pointer { // an optional section
			if to.IsNil() {
				return
			}
			to, from = to.Elem(), reflect.Zero(to.Type().Elem())
		}
		to, _ = fieldOf(to, part)
		from, _ = fieldOf(from, part)
	}
	to.Set(from)
}
