package train

import "fmt"

// EarlyStop ends a run whose validations have ceased to improve, with its keys of the
// section train.early_stop.
type EarlyStop struct {
	Patience int     `yaml:"patience" doc:"Validations in a row without improvement after which the run ends, with the checkpoint best as its result; 0 trains to the end." range:"[0, 1e6]"`
	Least    float64 `yaml:"least,omitempty" doc:"Least improvement that counts, as a part of 1: 0.001 is 0.1 PQ, AP or mIoU." range:"[0, 1]" default:"any improvement"`
}

// reached says why the run ends after the last of its validations, or nothing. A
// validation beside those due every so many steps, such as that of an interrupted
// command's last step, does not count, so that a resumed run ends where one never
// interrupted does.
func (e EarlyStop) reached(v validations, every int) (why string) {
	if e.Patience == 0 || len(v) == 0 {
		return ""
	}
	v = v.comparable()
	bar, since := v[0], -1
	for _, m := range v {
		switch {
		case every == 0 || m.Step%every != 0:
		case since < 0 || m.Value > bar.Value+e.Least:
			bar, since = m, 0
		default:
			since++
		}
	}
	if since < e.Patience {
		return ""
	}
	return fmt.Sprintf("stopped early after step %d: %d validations in a row have not improved %s over %.4g of step %d by more than %g; the best checkpoint is that of step %d",
		v[len(v)-1].Step, since, bar.Name, bar.Value, bar.Step, e.Least, v.best().Step)
}

// endsEarly says so where it is time to end.
func (r *run) endsEarly() bool {
	why := r.EarlyStop.reached(r.validations, r.ValidateEvery)
	if why != "" && r.Say != nil {
		r.Say(why)
	}
	return why != ""
}
