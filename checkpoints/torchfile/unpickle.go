package torchfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// maxInstructions bounds a pickle's work and memory; a model of 7 billion
	// parameters in 40 blocks takes some 30,000.
	maxInstructions = 1_000_000
	// maxText bounds a string or number inside a pickle, in bytes.
	maxText = 1 << 20
)

// The values that a pickle builds, besides nil, bool, int64, float64 and string.
type (
	long   string // an integer of more than eight bytes, little-endian
	tuple  struct{ items []any }
	list   struct{ items []any }
	dict   struct{ keys, values []any } // in the order of insertion
	global struct{ name string }        // a class or function of the table in globals.go
	mark   struct{}
)

// get is the value of a string key, nil if it is not there.
func (d *dict) get(key string) any {
	for i, k := range d.keys {
		if k == key {
			return d.values[i]
		}
	}
	return nil
}

// reader is what a pickle is read from.
type reader interface {
	io.Reader
	io.ByteReader
}

// unpickler interprets one pickle of protocol 2, as far as torch.save uses it
// for tensors. It builds values of the types above and never calls anything but
// the functions of globals.go.
type unpickler struct {
	in       reader
	locate   func(*storage) error // called with every storage once; nil allows none
	stack    []any
	memo     map[uint32]any
	storages map[string]*storage
}

// run interprets up to the STOP instruction and returns the value it leaves.
func (u *unpickler) run() (any, error) {
	u.memo = map[uint32]any{}
	u.storages = map[string]*storage{}
	for range maxInstructions {
		op, err := u.in.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("pickle ends without a result: %w", err)
		}
		if op == '.' {
			return u.pop()
		}
		if err := u.step(op); err != nil {
			return nil, fmt.Errorf("pickle: %w", err)
		}
	}
	return nil, fmt.Errorf("pickle: more than %d instructions", maxInstructions)
}

// step does one instruction.
func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		version, err := u.in.ReadByte()
		if err == nil && version > 2 {
			err = fmt.Errorf("protocol %d, torch.save writes 2", version)
		}
		return err
	case '(': // MARK
		return u.push(mark{})
	case 'N': // NONE
		return u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return u.push(op == 0x88)
	case '}': // EMPTY_DICT
		return u.push(&dict{})
	case ']': // EMPTY_LIST
		return u.push(&list{})
	case ')': // EMPTY_TUPLE
		return u.push(&tuple{})
	case 't': // TUPLE
		items, err := u.popMark()
		if err != nil {
			return err
		}
		return u.push(&tuple{items})
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		items, err := u.popN(int(op - 0x84))
		if err != nil {
			return err
		}
		return u.push(&tuple{items})
	case 'q', 'r', 'h', 'j': // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
		return u.remember(op)
	case 'a', 'e', 's', 'u': // APPEND, APPENDS, SETITEM, SETITEMS
		return u.fill(op)
	case 'c', 'R', 'b', 'Q': // GLOBAL, REDUCE, BUILD, BINPERSID
		return u.object(op)
	}
	return u.literal(op)
}

// literal does the instructions that push a number or a string.
func (u *unpickler) literal(op byte) error {
	widths := map[byte]int{'K': 1, 'M': 2, 'J': 4, 'G': 8, 0x8a: 1, 'X': 4, 'T': 4, 'U': 1}
	width, ok := widths[op]
	if !ok {
		return fmt.Errorf("instruction %#02x is not one that a table of tensors needs; refused", op)
	}
	var number [8]byte
	if _, err := io.ReadFull(u.in, number[:width]); err != nil {
		return err
	}
	little := binary.LittleEndian.Uint64(number[:])
	switch op {
	case 'K', 'M': // BININT1, BININT2
		return u.push(int64(little))
	case 'J': // BININT
		return u.push(int64(int32(little)))
	case 'G': // BINFLOAT
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(number[:])))
	}
	if little > maxText { // LONG1, BINUNICODE, BINSTRING, SHORT_BINSTRING
		return fmt.Errorf("a text of %d bytes, at most %d are read", little, maxText)
	}
	text := make([]byte, little)
	if _, err := io.ReadFull(u.in, text); err != nil {
		return err
	}
	if op == 0x8a {
		return u.push(integer(text))
	}
	return u.push(string(text))
}

// integer is a little-endian two's complement number of any length.
func integer(text []byte) any {
	if len(text) > 8 {
		return long(text)
	}
	if len(text) == 0 {
		return int64(0)
	}
	var number [8]byte
	if text[len(text)-1] >= 0x80 {
		number = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(number[:], text)
	return int64(binary.LittleEndian.Uint64(number[:]))
}

// remember does the four instructions of the memo.
func (u *unpickler) remember(op byte) error {
	width := 1
	if op == 'r' || op == 'j' {
		width = 4
	}
	var number [4]byte
	if _, err := io.ReadFull(u.in, number[:width]); err != nil {
		return err
	}
	index := binary.LittleEndian.Uint32(number[:])
	if op == 'h' || op == 'j' {
		value, ok := u.memo[index]
		if !ok {
			return fmt.Errorf("nothing is remembered as %d", index)
		}
		return u.push(value)
	}
	if len(u.stack) == 0 {
		return errEmpty
	}
	u.memo[index] = u.stack[len(u.stack)-1]
	return nil
}

// fill adds the topmost values to the list or dict below them.
func (u *unpickler) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case 'a':
		items, err = u.popN(1)
	case 's':
		items, err = u.popN(2)
	default:
		items, err = u.popMark()
	}
	if err != nil {
		return err
	}
	if len(u.stack) == 0 {
		return errEmpty
	}
	switch into := u.stack[len(u.stack)-1].(type) {
	case *list:
		if op == 'a' || op == 'e' {
			into.items = append(into.items, items...)
			return nil
		}
	case *dict:
		if (op == 's' || op == 'u') && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				into.keys = append(into.keys, items[i])
				into.values = append(into.values, items[i+1])
			}
			return nil
		}
	}
	return errors.New("items are added to something that holds none")
}

var errEmpty = errors.New("the stack is empty")

func (u *unpickler) push(value any) error {
	u.stack = append(u.stack, value)
	return nil
}

func (u *unpickler) pop() (any, error) {
	items, err := u.popN(1)
	if err != nil {
		return nil, err
	}
	return items[0], nil
}

// popN takes the n topmost values, none of which may be a mark.
func (u *unpickler) popN(n int) ([]any, error) {
	if len(u.stack) < n {
		return nil, errEmpty
	}
	items := append([]any(nil), u.stack[len(u.stack)-n:]...)
	for _, item := range items {
		if _, ok := item.(mark); ok {
			return nil, errEmpty
		}
	}
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

// popMark takes the values above the topmost mark, and the mark.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(mark); ok {
			items := append([]any(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark on the stack")
}
