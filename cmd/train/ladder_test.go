package main

import (
	"strings"
	"testing"

	"eomt/arch"
	"eomt/data"
	"eomt/segment"
)

// decoders are the keys by which the tiny network becomes one with decoders.
const decoders = "width: 16, blocks: 4, heads: 2, mlp_hidden: 24, patch: 16, registers: 1, decoder_width: 32, decoder_heads: 2, decoder_layers: 2, decoder_hidden: 24"

// Every network trains, is evaluated, is planned, and predicts from its run folder.
func TestEveryNetworkTrains(t *testing.T) {
	for _, name := range arch.Networks[1:] {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "panoptic")
			keys := decoders
			a := arch.Architecture{Network: name, Queries: 1}
			switch {
			case !a.HasDecoder():
				keys = "width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 1"
			case a.HasPixelDecoder():
				keys += ", encoder_layers: 1, encoder_hidden: 24"
			}
			b.write(b.config, strings.NewReplacer("ROOT", b.root, "TASK", "panoptic", "image: [64, 64]", "image: [32, 32]", "width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 1",
				"network: "+name+", "+keys).Replace(tiny))
			text, err := b.train()
			if err != nil || !strings.Contains(text, "step 4, 2 validation images") {
				t.Fatalf("%s, %v", text, err)
			}
			if steps := b.steps(); len(steps) != 4 {
				t.Errorf("logged steps %v", steps)
			}
			if text, err = b.train("-plan"); err != nil || !strings.Contains(text, "tiny on go: 32 x 32 px, batch 2") {
				t.Errorf("-plan: %s, %v", text, err)
			}
			s, err := segment.Open(b.out, segment.Options{Backend: "go"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Segment(t.Context(), data.RGB{W: 50, H: 40, Pix: make([]uint8, 3*50*40)}); err != nil {
				t.Errorf("prediction: %v", err)
			}
		})
	}
}
