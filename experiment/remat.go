package experiment

import (
	"context"
	"fmt"

	"eomt/configs"
	"eomt/internal/memory"
	"eomt/model"
)

// auto derives what train.remat=auto asks for, and makes p, which is compiled without,
// the plan of that: blocks are computed again where the step does not fit without, or
// where the device does not say how much memory it has.
func (p *Plan) auto(ctx context.Context, compile func(context.Context, *Plan) error) error {
	if p.Config.Train.Remat != configs.RematAuto || p.Config.Remat() == string(model.RematBlocks) || !p.Known() {
		return nil
	}
	if p.Limit > 0 && p.At(p.atOnce()).Peak() <= p.Limit {
		return nil
	}
	p.Config.Derived.Remat = string(model.RematBlocks)
	return compile(ctx, p)
}

// found says what train.remat=auto derived.
func (p *Plan) found() string {
	text := fmt.Sprintf("train.remat=auto: %s", p.Config.Remat())
	if p.Known() {
		text += fmt.Sprintf(", %s at most per device", memory.Format(p.At(p.atOnce()).Peak()))
	}
	return text + "."
}
