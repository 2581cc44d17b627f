package shards

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Shard is part Index, from 0, of Of parts.
type Shard struct {
	Index int `json:"shard"`
	Of    int `json:"of"`
}

// String is "i/n".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Has reports whether an image belongs to the shard: the first 8 bytes of the SHA-256 of
// its key, as a big-endian number, modulo n are i.
func (s Shard) Has(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:8])%uint64(s.Of) == uint64(s.Index)
}

// Usage describes a -shard flag.
const Usage = "predict `part` i of n of the images, i from 0: i/n; auto takes both from Slurm's array job, auto/n the index alone, also from a Kubernetes indexed job. The same command goes on with a part that was interrupted; 'predict merge' joins the parts"

// The variables of job arrays.
const (
	slurmID    = "SLURM_ARRAY_TASK_ID"
	slurmCount = "SLURM_ARRAY_TASK_COUNT"
	slurmMin   = "SLURM_ARRAY_TASK_MIN"
	slurmMax   = "SLURM_ARRAY_TASK_MAX"
	kubernetes = "JOB_COMPLETION_INDEX"
)

// Parse reads i/n, auto or auto/n, the latter two with the environment of a job array.
func Parse(text string, env func(string) string) (Shard, error) {
	index, of, stated := strings.Cut(text, "/")
	if index == "auto" {
		return fromJob(of, stated, env)
	}
	s := Shard{}
	var err error
	if s.Index, err = number(index); err == nil && stated {
		s.Of, err = number(of)
	}
	if err != nil || !stated || s.Index >= s.Of {
		return Shard{}, fmt.Errorf("shard %s: want i/n with i from 0 to n-1, such as 0/3, or auto or auto/n in a job array", text)
	}
	return s, nil
}

func fromJob(of string, stated bool, env func(string) string) (Shard, error) {
	name, first := kubernetes, 0
	switch {
	case env(slurmID) != "" && env(kubernetes) != "":
		return Shard{}, fmt.Errorf("shard auto: %s and %s are both set: name the shard as i/n", slurmID, kubernetes)
	case env(slurmID) != "":
		name = slurmID
	case env(kubernetes) == "":
		return Shard{}, fmt.Errorf("shard auto: neither %s nor %s is set: this is no job array; name the shard as i/n", slurmID, kubernetes)
	}
	if !stated {
		if name == kubernetes {
			return Shard{}, fmt.Errorf("shard auto: Kubernetes does not tell the number of completions: name it as auto/n")
		}
		if of = env(slurmCount); of == "" {
			return Shard{}, fmt.Errorf("shard auto: %s is not set: name the number of shards as auto/n", slurmCount)
		}
	}
	n, err := number(of)
	if err != nil || n == 0 {
		return Shard{}, fmt.Errorf("shard auto: %q shards: want a whole number from 1", of)
	}
	if !stated && env(slurmMin) != "" {
		least, err := number(env(slurmMin))
		if most := env(slurmMax); err != nil || most != "" && most != strconv.Itoa(least+n-1) {
			return Shard{}, fmt.Errorf("shard auto: the array's %d indices %s to %s are not a plain range: name the number of all shards as auto/n, and number the array from 0", n, env(slurmMin), most)
		}
		first = least
	}
	i, err := number(env(name))
	if err != nil || i < first || i-first >= n {
		return Shard{}, fmt.Errorf("shard auto: %s is %q: want %d to %d for %d shards", name, env(name), first, first+n-1, n)
	}
	return Shard{i - first, n}, nil
}

// number is a whole number from 0.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}
