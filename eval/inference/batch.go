package inference

import (
	"fmt"
	"math"

	"eomt/eval/postprocess"
)

// batch collects inputs of one or more images to be predicted together.
type batch struct {
	Config
	images []uint8 // [Batch, ImageH, ImageW, 3]
	owners []owner
}

// owner is the image and input index of a slot in a batch.
type owner struct {
	item  *item
	input int
}

func newBatch(c Config) *batch {
	return &batch{Config: c, images: make([]uint8, c.Batch*c.ImageH*c.ImageW*3)}
}

func (b *batch) full() bool { return len(b.owners) == b.Batch }

func (b *batch) add(it *item, input int) {
	size := len(b.images) / b.Batch
	copy(b.images[len(b.owners)*size:], it.inputs[input].Pix)
	b.owners = append(b.owners, owner{it, input})
}

// predict empties the batch and returns the images whose logits are complete.
func (b *batch) predict(p Predictor) (ready []*item, err error) {
	if len(b.owners) == 0 {
		return nil, nil
	}
	clear(b.images[len(b.owners)*(len(b.images)/b.Batch):])
	logits, err := p.Predict(b.images, b.Batch)
	if err != nil {
		return nil, fmt.Errorf("inference: %w", err)
	}
	if err := b.check(logits); err != nil {
		return nil, err
	}
	for i, o := range b.owners {
		one := logits.Image(i)
		for _, x := range one.Class {
			if math.IsNaN(float64(x)) {
				return nil, fmt.Errorf("inference: %s: the model's class logits are not numbers: its weights are damaged or its training diverged", o.item.sample.Name)
			}
		}
		o.item.logits[o.input] = one
		if o.item.missing.Add(-1) == 0 {
			ready = append(ready, o.item)
		}
	}
	b.owners = b.owners[:0]
	return ready, nil
}

// check fails if the logits do not fit the class table or the batch.
func (b *batch) check(l postprocess.Logits) error {
	switch {
	case l.Classes != len(b.Classes):
		return fmt.Errorf("inference: the model predicts %d classes, its class table has %d: these weights are of another data set", l.Classes, len(b.Classes))
	case l.B != b.Batch || len(l.Class) != l.B*l.Queries*(l.Classes+1) || len(l.Masks) != l.B*l.Queries*l.MaskH*l.MaskW:
		return fmt.Errorf("inference: the model gave %d mask and %d class logits for a batch of %d: want those of %d queries, a grid of %d x %d and %d classes",
			len(l.Masks), len(l.Class), b.Batch, l.Queries, l.MaskW, l.MaskH, l.Classes)
	}
	return nil
}
