package predictions

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Spool keeps entries on disk until they are written in order, so that memory does
// not grow with the number of images. Its methods are safe for concurrent use.
type Spool struct {
	mu     sync.Mutex
	file   *os.File
	size   int64
	places map[int]place
}

type place struct{ offset, length int64 }

// NewSpool creates a temporary file in dir.
func NewSpool(dir string) (*Spool, error) {
	file, err := os.CreateTemp(dir, ".entries-*")
	if err != nil {
		return nil, fmt.Errorf("predictions: spool: %w", err)
	}
	return &Spool{file: file, places: map[int]place{}}, nil
}

// Name is the name of the temporary file.
func (s *Spool) Name() string { return filepath.Base(s.file.Name()) }

// Add keeps the entry of image i.
func (s *Spool) Add(i int, entry json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.file.WriteAt(entry, s.size); err != nil {
		return fmt.Errorf("predictions: spool: %w", err)
	}
	s.places[i] = place{s.size, int64(len(entry))}
	s.size += int64(len(entry))
	return nil
}

// Entry gives back the entry of image i.
func (s *Spool) Entry(i int) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, kept := s.places[i]
	if !kept {
		return nil, fmt.Errorf("predictions: spool: no entry %d", i)
	}
	entry := make([]byte, at.length)
	if _, err := s.file.ReadAt(entry, at.offset); err != nil {
		return nil, fmt.Errorf("predictions: spool: %w", err)
	}
	return entry, nil
}

// Close removes the temporary file.
func (s *Spool) Close() error {
	closed := s.file.Close()
	if err := os.Remove(s.file.Name()); err != nil {
		return fmt.Errorf("predictions: spool: %w", err)
	}
	return closed
}
