package names

import (
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// Detect is the table of the format that most of the tensors' names belong to,
// false if not even half of them fit any.
func Detect(tensors []tensor.Tensor) (*Table, bool) {
	var best *Table
	most := 0
	for _, t := range tables {
		known := 0
		for _, one := range tensors {
			if t.knows(one.Name) {
				known++
			}
		}
		if known > most {
			best, most = t, known
		}
	}
	return best, 2*most >= len(tensors) && most > 0
}

// knows reports whether name is a parameter's, a buffer's or a foreign part's in t's
// format.
func (t *Table) knows(name string) bool {
	for _, r := range t.rows {
		for _, part := range r.parts {
			if _, ok := matchPart(part, name); ok {
				return true
			}
		}
	}
	return t.isBuffer(name) || t.isForeign(name)
}

func (t *Table) isForeign(name string) bool {
	return slices.ContainsFunc(t.foreign, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func (t *Table) isBuffer(name string) bool {
	return slices.ContainsFunc(t.buffers, func(pattern string) bool {
		_, ok := match(pattern, name)
		return ok
	})
}

// IsBuffer reports whether any format has a tensor of that name that is not a parameter.
func IsBuffer(name string) bool {
	return slices.ContainsFunc(tables, func(t *Table) bool { return t.isBuffer(name) })
}

// Pair is a parameter of ours and the tensors of the format that it is read
// from or written to.
type Pair struct {
	Ours   string
	Theirs []string
}

// Reading is the result of reading a file's tensors through a table.
type Reading struct {
	Tensors    []tensor.Tensor          // by our names
	Pairs      []Pair                   // where each came from, in the same order
	Buffers    map[string]tensor.Tensor // the format's tensors that are not parameters
	Foreign    []string                 // tensors of a part that no network of ours has
	Missing    []string                 // the format's names that complete a parameter found in part
	Unexpected []string                 // tensors that the format does not have
}

// Read renames, joins and reshapes tensors of t's format into parameters of
// ours. The caller checks whether a model is complete; leftover and incomplete
// parameters are in the result. Tensors whose shapes or types cannot be joined are an
// error.
func (t *Table) Read(tensors []tensor.Tensor) (*Reading, error) {
	index := tensor.ByName(tensors)
	if len(index) != len(tensors) {
		return nil, fmt.Errorf("names: two tensors have one name")
	}
	r := &Reading{Buffers: map[string]tensor.Tensor{}}
	used := map[string]bool{}
	done := map[string]bool{}
	candidates := t.candidates(tensors)
	for _, candidate := range candidates {
		if done[candidate.pair.Ours] {
			continue
		}
		joined, ok, err := candidate.join(index)
		if err != nil {
			return nil, fmt.Errorf("names: format %s: %w", t.Format, err)
		}
		if !ok {
			continue
		}
		done[candidate.pair.Ours] = true
		for _, name := range candidate.pair.Theirs {
			used[name] = true
			if noRegisters(joined) {
				r.Buffers[name] = index[name]
			}
		}
		if !noRegisters(joined) {
			r.Tensors = append(r.Tensors, joined)
			r.Pairs = append(r.Pairs, candidate.pair)
		}
	}
	for _, candidate := range candidates {
		if !done[candidate.pair.Ours] {
			done[candidate.pair.Ours] = true
			r.Missing = append(r.Missing, candidate.absent(index)...)
			for _, name := range candidate.pair.Theirs {
				used[name] = true
			}
		}
	}
	for _, one := range tensors {
		switch {
		case used[one.Name]:
		case t.isBuffer(one.Name):
			r.Buffers[one.Name] = one
		case t.isForeign(one.Name):
			r.Foreign = append(r.Foreign, one.Name)
		default:
			r.Unexpected = append(r.Unexpected, one.Name)
		}
	}
	t.adjust(r)
	return r, nil
}

// noRegisters reports whether a parameter of ours is the one without elements that
// transformers stores for a model without register tokens.
func noRegisters(t tensor.Tensor) bool {
	return t.Name == arch.RegToken && t.Elements() == 0
}

// candidate is a row filled in for one parameter.
type candidate struct {
	pair Pair
	row  row
	b    binding
}

// candidates are the filled-in rows that have at least one tensor in the file,
// by the order of rows and then of tensors.
func (t *Table) candidates(tensors []tensor.Tensor) []candidate {
	var all []candidate
	for _, r := range t.rows {
		seen := map[binding]bool{}
		for _, one := range tensors {
			for _, part := range r.parts {
				b, ok := matchPart(part, one.Name)
				if !ok || seen[b] {
					continue
				}
				seen[b] = true
				c := candidate{row: r, b: b, pair: Pair{Ours: b.fill(r.ours)}}
				for _, part := range r.parts {
					if part != zeroPart {
						c.pair.Theirs = append(c.pair.Theirs, b.fill(part))
					}
				}
				all = append(all, c)
			}
		}
	}
	return all
}

// absent lists the candidate's tensors that the file does not have.
func (c candidate) absent(index map[string]tensor.Tensor) []string {
	var absent []string
	for _, name := range c.pair.Theirs {
		if _, ok := index[name]; !ok {
			absent = append(absent, name)
		}
	}
	return absent
}

// join makes the parameter out of its parts, false if one is absent.
func (c candidate) join(index map[string]tensor.Tensor) (tensor.Tensor, bool, error) {
	if len(c.absent(index)) > 0 {
		return tensor.Tensor{}, false, nil
	}
	var parts []tensor.Tensor
	for _, part := range c.row.parts {
		if part == zeroPart {
			parts = append(parts, zerosLike(parts[len(parts)-1]))
			continue
		}
		parts = append(parts, index[c.b.fill(part)])
	}
	if len(parts) == 1 {
		return parts[0].Renamed(c.pair.Ours), true, nil
	}
	joined, err := concatenate(c.pair.Ours, parts)
	if err != nil {
		return tensor.Tensor{}, false, fmt.Errorf("%s cannot be joined from %s: %w", c.pair.Ours, strings.Join(c.pair.Theirs, ", "), err)
	}
	return joined, true, nil
}
