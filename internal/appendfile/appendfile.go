package appendfile

import (
	"errors"
	"io"
	"os"
)

// File grows by whole records. Where a method fails, the file is as before and the
// call may be repeated.
type File struct {
	file    *os.File
	synced  int64  // bytes known to be on disk
	pending []byte // what was appended after them
	dirty   bool   // pending must be written again
}

// Open opens an existing file for appending.
func Open(path string) (*File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &File{file: file, synced: end}, nil
}

// New is a file that was just created, which File closes.
func New(file *os.File) *File { return &File{file: file} }

// Append appends a record. Of one that does not fit, nothing stays.
func (f *File) Append(record []byte) error {
	if err := f.repair(); err != nil {
		return err
	}
	end := f.synced + int64(len(f.pending))
	if _, err := f.file.WriteAt(record, end); err != nil {
		return errors.Join(err, f.file.Truncate(end))
	}
	f.pending = append(f.pending, record...)
	return nil
}

// Sync forces the file to disk. Where that fails, the system may have dropped what it
// held, so the next call writes it again.
func (f *File) Sync() error {
	if err := f.repair(); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		f.dirty = true
		return err
	}
	f.synced += int64(len(f.pending))
	f.pending = nil
	return nil
}

// repair writes again what a failed Sync may have lost.
func (f *File) repair() error {
	if !f.dirty {
		return nil
	}
	if _, err := f.file.WriteAt(f.pending, f.synced); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
