package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockFile is in a run folder while a process writes there.
const lockFile = "lock"

// Lock is one process's exclusive right to write into a run folder. The operating
// system holds it (flock), so it ends with the process, however that ends.
type Lock struct {
	dir  string
	made bool // the folder was not there before
	file *flock.Flock
}

// LockedError reports a run folder that another process is writing to.
type LockedError struct {
	Dir    string
	Holder Holder
}

// Holder is the process that holds a lock, as it describes itself in the lock file.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.Holder.PID != 0 {
		who = fmt.Sprintf("process %d on %s, started %s", e.Holder.PID, e.Holder.Host, e.Holder.Started.Format(time.DateTime+" MST"))
	}
	return fmt.Sprintf("train: %s is in use by %s: nothing was changed; wait for that run or stop it, or name another folder with -out", e.Dir, who)
}

// LockFolder locks the run folder for this process, creating it if missing. If
// another process holds it, the error is a [LockedError] and nothing was changed.
func LockFolder(dir string) (*Lock, error) {
	_, err := os.Stat(dir)
	l := &Lock{dir: dir, made: errors.Is(err, os.ErrNotExist)}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("train: lock: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	for {
		l.file = flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		free, err := l.file.TryLock()
		if err != nil {
			return nil, fmt.Errorf("train: lock %s: %w", path, err)
		}
		if !free {
			return nil, errors.Join(&LockedError{Dir: dir, Holder: readHolder(path)}, l.file.Close())
		}
		// The previous holder may have removed the file between our opening and locking it.
		if ours, err := l.file.Stat(); err == nil {
			if there, err := os.Stat(path); err == nil && os.SameFile(ours, there) {
				break
			}
		}
		if err := l.file.Close(); err != nil {
			return nil, fmt.Errorf("train: lock %s: %w", path, err)
		}
	}
	if err := l.describe(path); err != nil {
		return nil, errors.Join(fmt.Errorf("train: lock %s: %w", path, err), l.Release())
	}
	return l, nil
}

// describe writes the holder into the lock file.
func (l *Lock) describe(path string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	raw, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Started: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o666)
}

// readHolder returns the zero Holder if the file does not name one.
func readHolder(path string) (h Holder) {
	if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, &h) != nil {
		return Holder{}
	}
	return h
}

// Release unlocks the folder, and removes it if LockFolder created it and nothing was
// written there.
func (l *Lock) Release() error {
	err := os.Remove(filepath.Join(l.dir, lockFile))
	if l.made {
		// Fails, as intended, if the run wrote something.
		_ = os.Remove(l.dir)
	}
	if err := errors.Join(err, l.file.Close()); err != nil {
		return fmt.Errorf("train: unlock: %w", err)
	}
	return nil
}
