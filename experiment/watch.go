package experiment

import "eomt/internal/progress"

// Watch starts a display of a part of the work that counts up to a total. Each count
// is a number of units, whose rate is shown; without a unit no rate is shown.
type Watch func(label string, total int, unit string, each int) Display

// Display shows how far a part of the work is. Set may be called from several goroutines.
type Display interface {
	Set(done int, note string)
	Phase(name string) // what runs in place of counting, such as a compilation, until the next Set
	Pause()            // leaves the place to another display until the next Set
	Finish()
}

type noDisplay struct{}

func (noDisplay) Set(int, string) {}
func (noDisplay) Phase(string)    {}
func (noDisplay) Pause()          {}
func (noDisplay) Finish()         {}

// start begins a display; a nil Watch displays nothing.
func (w Watch) start(label string, total int, unit string, each int) Display {
	if w == nil {
		return noDisplay{}
	}
	return w(label, total, unit, each)
}

// Terminal is a [Watch] on standard error: a bar on a terminal, occasional lines if it
// is a file or a pipe.
func Terminal(label string, total int, unit string, each int) Display {
	display := progress.Start(label, total)
	if unit != "" {
		display.Rate(unit, each)
	}
	return display
}
