package main

import (
	"fmt"
	"strconv"

	"eomt/experiment"
)

// resume is the flag -resume, which takes an optional value: auto.
type resume struct{ experiment.Resume }

const auto = "auto"

// IsBoolFlag lets the flag stand without a value.
func (*resume) IsBoolFlag() bool { return true }

func (r *resume) String() string { return "" }

func (r *resume) Set(value string) error {
	if value == auto {
		r.Resume = experiment.ResumeAuto
		return nil
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return fmt.Errorf("want -resume or -resume auto")
	}
	r.Resume = experiment.ResumeNever
	if on {
		r.Resume = experiment.ResumeAlways
	}
	return nil
}

// joinAuto writes "-resume auto" as "-resume=auto": package flag takes the value of a
// flag that may stand alone from its own argument only.
func joinAuto(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		name := args[i]
		if (name == "-resume" || name == "--resume") && i+1 < len(args) && args[i+1] == auto {
			name += "=" + auto
			i++
		}
		joined = append(joined, name)
	}
	return joined
}
