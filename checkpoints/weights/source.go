package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/torchfile"
)

// The files of a folder of Hugging Face's.
const (
	configName = "config.json"
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
	binName    = "pytorch_model.bin"
)

// ErrNoWeights is wrapped by errors about a folder without weights.
var ErrNoWeights = errors.New("no weights there")

// closers closes files together.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// source is the tensors of one or more files, in the names that the files have.
type source struct {
	tensors []tensor.Tensor
	files   closers
	folder  string // where a config.json may be
}

// openSource opens a file of weights or a folder of Hugging Face's; the error
// wraps ErrNoWeights where path is a folder that has none.
func openSource(path string) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return openFile(path)
	}
	for _, name := range []string{singleName, indexName, binName} {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if name == indexName {
			return openShards(file)
		}
		return openFile(file)
	}
	return nil, fmt.Errorf("%s: %w (want %s, %s or %s)", path, ErrNoWeights, singleName, indexName, binName)
}

// openFile opens a safetensors file by its ending, any other as one of torch.save.
func openFile(path string) (*source, error) {
	s := &source{folder: filepath.Dir(path)}
	if strings.HasSuffix(path, ".safetensors") {
		file, err := safetensors.Open(path)
		if err != nil {
			return nil, err
		}
		s.tensors, s.files = file.Tensors, closers{file}
		return s, nil
	}
	file, err := torchfile.Open(path)
	if err != nil {
		return nil, err
	}
	s.tensors, s.files = file.Tensors, closers{file}
	return s, nil
}

// openShards opens the files that an index names. Index and files must agree
// about every tensor.
func openShards(path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &source{folder: filepath.Dir(path)}
	shards := map[string]bool{}
	for _, shard := range index.WeightMap {
		shards[shard] = true
	}
	for _, shard := range sortedKeys(shards) {
		if filepath.Base(shard) != shard || !strings.HasSuffix(shard, ".safetensors") {
			return nil, errors.Join(fmt.Errorf("%s: %q is not a safetensors file in its folder", path, shard), s.files.Close())
		}
		part, err := openFile(filepath.Join(s.folder, shard))
		if err != nil {
			return nil, errors.Join(err, s.files.Close())
		}
		s.files = append(s.files, part.files...)
		for _, t := range part.tensors {
			if index.WeightMap[t.Name] != shard {
				return nil, errors.Join(fmt.Errorf("%s: %s is in %s, the index says %q", path, t.Name, shard, index.WeightMap[t.Name]), s.files.Close())
			}
		}
		s.tensors = append(s.tensors, part.tensors...)
	}
	have := tensor.ByName(s.tensors)
	for _, name := range sortedKeys(index.WeightMap) {
		if _, ok := have[name]; !ok {
			return nil, errors.Join(fmt.Errorf("%s: %s is not in %s", path, name, index.WeightMap[name]), s.files.Close())
		}
	}
	return s, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
