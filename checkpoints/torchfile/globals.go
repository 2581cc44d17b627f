package torchfile

import (
	"errors"
	"fmt"
	"io"

	"eomt/checkpoints/tensor"
)

// storageTypes are the storage classes of torch and the element types they hold.
var storageTypes = map[string]tensor.DType{
	"torch FloatStorage":    tensor.Float32,
	"torch DoubleStorage":   tensor.Float64,
	"torch HalfStorage":     tensor.Float16,
	"torch BFloat16Storage": tensor.BFloat16,
	"torch LongStorage":     tensor.Int64,
	"torch IntStorage":      tensor.Int32,
	"torch ShortStorage":    tensor.Int16,
	"torch CharStorage":     tensor.Int8,
	"torch ByteStorage":     tensor.Uint8,
	"torch BoolStorage":     tensor.Bool,
}

// functions are the callables that a pickle may name, each standing for what it
// does to the arguments.
var functions = map[string]func(arguments []any) (any, error){
	"collections OrderedDict": func(arguments []any) (any, error) {
		if len(arguments) > 0 {
			return nil, errors.New("OrderedDict with arguments")
		}
		return &dict{}, nil
	},
	"torch Size":                      func(arguments []any) (any, error) { return first[*tuple](arguments) },
	"torch._utils _rebuild_parameter": func(arguments []any) (any, error) { return first[*view](arguments) },
	"torch._utils _rebuild_tensor":    rebuildTensor,
	"torch._utils _rebuild_tensor_v2": rebuildTensor,
}

// first is the first argument, which must be of type T.
func first[T any](arguments []any) (any, error) {
	if len(arguments) > 0 {
		if value, ok := arguments[0].(T); ok {
			return value, nil
		}
	}
	return nil, errors.New("an argument of another type than expected")
}

// object does the instructions that name and call classes.
func (u *unpickler) object(op byte) error {
	switch op {
	case 'c': // GLOBAL
		module, err := u.line()
		if err != nil {
			return err
		}
		class, err := u.line()
		if err != nil {
			return err
		}
		name := module + " " + class
		if functions[name] == nil && storageTypes[name] == "" {
			return fmt.Errorf("the file wants the class or function %.200q, which a table of tensors does not need; refused", module+"."+class)
		}
		return u.push(global{name})
	case 'R': // REDUCE
		operands, err := u.popN(2)
		if err != nil {
			return err
		}
		callee, ok1 := operands[0].(global)
		arguments, ok2 := operands[1].(*tuple)
		if !ok1 || !ok2 || functions[callee.name] == nil {
			return errors.New("a call of something that is not a function")
		}
		value, err := functions[callee.name](arguments.items)
		if err != nil {
			return fmt.Errorf("%s: %w", callee.name, err)
		}
		return u.push(value)
	case 'b': // BUILD: the _metadata attribute of a state dict, of no use here
		if _, err := u.pop(); err != nil {
			return err
		}
		if len(u.stack) > 0 {
			if _, ok := u.stack[len(u.stack)-1].(*dict); ok {
				return nil
			}
		}
		return errors.New("attributes are set on something that is not a dict; refused")
	default: // BINPERSID
		id, err := u.pop()
		if err != nil {
			return err
		}
		s, err := u.storage(id)
		if err != nil {
			return err
		}
		return u.push(s)
	}
}

// line reads text up to a newline.
func (u *unpickler) line() (string, error) {
	var text []byte
	for len(text) < maxText {
		b, err := u.in.ReadByte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return string(text), nil
		}
		text = append(text, b)
	}
	return "", errors.New("a name without an end")
}

// storage is a run of elements that tensors are views of.
type storage struct {
	key      string
	dtype    tensor.DType
	elements int64
	source   io.ReaderAt // its bytes; set by unpickler.locate or after it
	size     int64       // bytes that source has
}

// storage resolves the persistent id ("storage", class, key, device, elements[, nil]).
func (u *unpickler) storage(id any) (*storage, error) {
	fields, ok := id.(*tuple)
	if !ok || len(fields.items) < 5 || fields.items[0] != "storage" || u.locate == nil {
		return nil, errors.New("an outside reference that is not a storage; refused")
	}
	if len(fields.items) > 5 && fields.items[5] != nil {
		return nil, errors.New("a storage that is a view of another, as PyTorch before 0.4 wrote; save it again with a later version")
	}
	class, ok1 := fields.items[1].(global)
	key, ok2 := fields.items[2].(string)
	elements, ok3 := fields.items[4].(int64)
	dtype := storageTypes[class.name]
	if !ok1 || !ok2 || !ok3 || dtype == "" || elements < 0 {
		return nil, errors.New("a storage without type, key or size")
	}
	if known := u.storages[key]; known != nil {
		if known.dtype != dtype || known.elements != elements {
			return nil, fmt.Errorf("storage %q is described in two ways", key)
		}
		return known, nil
	}
	if elements > 1<<56 {
		return nil, fmt.Errorf("storage %q of %d elements is larger than any file", key, elements)
	}
	s := &storage{key: key, dtype: dtype, elements: elements}
	if err := u.locate(s); err != nil {
		return nil, err
	}
	u.storages[key] = s
	return s, nil
}

// maxAxes is torch's own limit for the number of a tensor's axes.
const maxAxes = 64

// rebuildTensor is (storage, offset, shape, strides, ...): a view of a storage,
// all in elements.
func rebuildTensor(arguments []any) (any, error) {
	if len(arguments) < 4 {
		return nil, errors.New("too few arguments")
	}
	s, ok1 := arguments[0].(*storage)
	offset, ok2 := arguments[1].(int64)
	shape, ok3 := integers(arguments[2])
	strides, ok4 := integers(arguments[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || offset < 0 || len(shape) != len(strides) || len(shape) > maxAxes {
		return nil, errors.New("arguments that do not describe a tensor")
	}
	return &view{s, offset, shape, strides}, nil
}

// integers is a tuple of non-negative numbers.
func integers(value any) ([]int, bool) {
	items, ok := value.(*tuple)
	if !ok {
		return nil, false
	}
	numbers := make([]int, len(items.items))
	for i, item := range items.items {
		n, ok := item.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		numbers[i] = int(n)
	}
	return numbers, true
}
