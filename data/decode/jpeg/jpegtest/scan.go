package jpegtest

import "math/rand/v2"

// scan adds coefficients first to last of some components: from bit high, 0 for the
// first scan of them, down to bit low.
type scan struct {
	parts       []int
	first, last int
	high, low   int
}

// scans returns scans that hold the whole file, in an order that is allowed.
func (f File) scans(rng *rand.Rand) []scan {
	var all []scan
	for _, parts := range f.split(rng) {
		if f.Progressive {
			low := rng.IntN(3)
			all = append(all, scan{parts: parts, low: low})
			for ; low > 0; low-- {
				all = append(all, scan{parts: parts, high: low, low: low - 1})
			}
		} else {
			all = append(all, scan{parts: parts, last: 63})
		}
	}
	if !f.Progressive {
		return all
	}
	var queues [][]scan // of one component's band each
	for i := range f.Components {
		middle := 1 + rng.IntN(63)
		for _, band := range [][2]int{{1, middle}, {middle + 1, 63}} {
			if band[0] > band[1] {
				continue
			}
			low := rng.IntN(3)
			queue := []scan{{parts: []int{i}, first: band[0], last: band[1], low: low}}
			for ; low > 0; low-- {
				queue = append(queue, scan{parts: []int{i}, first: band[0], last: band[1], high: low, low: low - 1})
			}
			queues = append(queues, queue)
		}
	}
	for len(queues) > 0 {
		i := rng.IntN(len(queues))
		all = append(all, queues[i][0])
		if queues[i] = queues[i][1:]; len(queues[i]) == 0 {
			queues = append(queues[:i], queues[i+1:]...)
		}
	}
	return all
}

// split groups the components: all in one scan if it may hold them, each in its
// own, or some together.
func (f File) split(rng *rand.Rand) [][]int {
	var groups [][]int
	blocks, together := 0, rng.IntN(4)
	for i, c := range f.Components {
		last := len(groups) - 1
		if blocks += c.H * c.V; last >= 0 && blocks <= 10 && (together > 1 || together == 1 && rng.IntN(2) == 0) {
			groups[last] = append(groups[last], i)
			continue
		}
		groups, blocks = append(groups, []int{i}), c.H*c.V
	}
	return groups
}

// writeScan writes a scan's tables, header and blocks.
func (f File) writeScan(out *writer, s scan, rng *rand.Rand) {
	codes := f.tokens(s)
	constant, others := newTable(rng, codes, false), newTable(rng, codes, true)
	slot := byte(rng.IntN(2))
	for class, t := range []*table{constant, others} {
		if t != nil {
			out.segment(0xc4, append([]byte{byte(class)<<4 | slot}, t.bytes()...))
		}
	}
	header := []byte{byte(len(s.parts))}
	for _, i := range s.parts {
		header = append(header, f.Components[i].ID, slot<<4|slot)
	}
	out.segment(0xda, append(header, byte(s.first), byte(s.last), byte(s.high<<4|s.low)))
	restarts := 0
	for _, c := range codes {
		switch {
		case c.restart:
			out.flush()
			out.Write([]byte{0xff, byte(0xd0 + restarts%8)})
			restarts++
			continue
		case c.symbol >= 0 && c.others:
			out.bits(others.code[c.symbol], others.length[c.symbol])
		case c.symbol >= 0:
			out.bits(constant.code[c.symbol], constant.length[c.symbol])
		}
		out.bits(c.bits, c.n)
	}
	out.flush()
}

// tokens returns what the scan's blocks are written as.
func (f File) tokens(s scan) []token {
	e := &encoder{scan: s, progressive: f.Progressive, last: make([]int, len(f.Components))}
	unitsX, unitsY, _, _ := f.units()
	interleaved := len(s.parts) > 1
	if !interleaved {
		unitsX, unitsY = f.Components[s.parts[0]].BlocksX, f.Components[s.parts[0]].BlocksY
	}
	for y := range unitsY {
		for x := range unitsX {
			if n := y*unitsX + x; f.Restart > 0 && n > 0 && n%f.Restart == 0 {
				e.endRun()
				clear(e.last)
				e.out = append(e.out, token{restart: true})
			}
			if !interleaved {
				c := &f.Components[s.parts[0]]
				e.block(s.parts[0], &c.Coefficients[y*c.PaddedX+x])
				continue
			}
			for _, i := range s.parts {
				c := &f.Components[i]
				for b := range c.H * c.V {
					e.block(i, &c.Coefficients[(y*c.V+b/c.H)*c.PaddedX+x*c.H+b%c.H])
				}
			}
		}
	}
	e.endRun()
	return e.out
}
