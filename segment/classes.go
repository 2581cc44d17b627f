package segment

import (
	"context"
	"errors"
	"fmt"

	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
	"eomt/data/formats"
)

// classes finds the class table, whose number of rows must be the class head's. A
// table is never chosen by that number.
func (d *Description) classes(stored *weights.Model, c *configs.Config, o Options) error {
	n := stored.Architecture.Classes
	table, from, err := d.stated(stored, c, o)
	if err != nil {
		return err
	}
	if table != nil && len(table) != n {
		return fmt.Errorf("the weights predict %d classes, the class table of %s has %d; take weights that were trained on these classes", n, from, len(table))
	}
	if table == nil {
		table = d.placeholders(stored.Labels, n)
	}
	d.Classes = table
	return nil
}

// stated is the class table that somebody states, and who; nil if nobody does.
func (d *Description) stated(stored *weights.Model, c *configs.Config, o Options) (table []data.Class, from string, err error) {
	if o.Classes != nil {
		return o.Classes, "the data set", nil
	}
	if stored.Classes != nil {
		return stored.Classes, "the weights", nil
	}
	if c == nil {
		return nil, "", nil
	}
	table, err = tableOf(*c, o.Config != "")
	if n := stored.Architecture.Classes; err == nil && len(table) != n && o.Config == "" {
		err = fmt.Errorf("%s has %d classes now, the weights predict %d", c.Data.Root, len(table), n)
	}
	switch {
	case err == nil:
		return table, "data set " + c.Data.Root, nil
	case o.Config != "":
		return nil, "", fmt.Errorf("class table: %w", err)
	}
	d.assume("the weights do not state their classes, and the run's data set cannot tell them (%v)", err)
	return nil, "", nil
}

// tableOf is the class table of a configuration's data set and task. Where that is the
// caller's choice, a published table is enough; the files of an older run may be
// anybody's, so that they are opened unless the format has one table for all.
func tableOf(c configs.Config, chosen bool) ([]data.Class, error) {
	format, err := formats.Named(c.Data.Format)
	if err != nil {
		return nil, err
	}
	o := c.OpenOptions("val")
	o.Shapes, o.SkipBad = nil, true
	ask := o
	ask.Shapes = &data.Shapes{} // their number does not matter
	if !chosen {
		ask.Files.Annotations = "own" // what the format states whatever the files
	}
	if _, table, ok := format.Published(ask); ok {
		return table, nil
	}
	set, err := formats.Open(context.Background(), c.Data.Format, o)
	if err != nil {
		return nil, err
	}
	return set.Classes(), errors.Join(set.Close())
}

// placeholders is a table of n things whose ids are their indices, under the
// weights' own names where they have some.
func (d *Description) placeholders(names []string, n int) []data.Class {
	table := make([]data.Class, n)
	for i := range table {
		table[i] = data.Class{ID: i, Name: fmt.Sprintf("class %d", i), Thing: true, Color: data.Color(i)}
		if len(names) == n {
			table[i].Name = names[i]
		}
	}
	what := "names and ids of the classes"
	if len(names) == n {
		what = "ids of the classes"
	}
	d.assume("the weights do not state the %s, nor which are stuff: ids count from 0, and all are things (-config names a data set)", what)
	return table
}
