package backend

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
)

// flagsEnv states XLA flags of some programs: "PROGRAM: --flag=value ...; PROGRAM: ...",
// where PROGRAM is the beginning of a program's name, such as train or predict. A flag of
// XLA_FLAGS holds for all programs of the process.
const flagsEnv = "EOMT_XLA_FLAGS"

// quickly is how many calls of [Quickly] run.
var quickly atomic.Int64

// Quickly runs f; the machine code of programs that are compiled meanwhile is not
// optimised. It is for programs that are compiled only to learn what they need: buffers
// are assigned before that, so that memory is reported as it is.
func Quickly(f func() error) error {
	quickly.Add(1)
	defer quickly.Add(-1)
	return f()
}

// flagsOf are the XLA flags of a program, "name=value".
func flagsOf(program string) []string {
	var flags []string
	if quickly.Load() > 0 {
		flags = append(flags, "xla_backend_optimization_level=0")
	}
	for part := range strings.SplitSeq(os.Getenv(flagsEnv), ";") {
		name, list, _ := strings.Cut(part, ":")
		if name = strings.TrimSpace(name); name == "" || !strings.HasPrefix(program, name) {
			continue
		}
		for _, flag := range strings.Fields(list) {
			flag = strings.TrimPrefix(flag, "--")
			if !strings.Contains(flag, "=") {
				flag += "=true"
			}
			flags = append(flags, flag)
		}
	}
	slices.Sort(flags)
	return flags
}

// programName is the name of a StableHLO module in its textual form, empty where it has none.
func programName(code []byte) string {
	const module = "module @"
	_, rest, found := bytes.Cut(code[:min(len(code), 1<<10)], []byte(module))
	if !found {
		return ""
	}
	end := bytes.IndexFunc(rest, func(r rune) bool {
		return !strings.ContainsRune("_-.", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(rest)
	}
	return string(rest[:end])
}

// withFlags adds flags to an encoded CompileOptionsProto (XLA's
// pjrt/proto/compile_options.proto): entries of the map env_option_overrides, whose values
// are truth values or texts, which XLA reads as what the flag takes.
func withFlags(options []byte, flags []string) []byte {
	const overrides, key, value, text, truth = 7, 1, 2, 1, 2
	options = slices.Clone(options)
	for _, flag := range flags {
		name, setting, _ := strings.Cut(flag, "=")
		var option []byte
		if setting == "true" || setting == "false" {
			option = protowire.AppendVarint(protowire.AppendTag(nil, truth, protowire.VarintType), protowire.EncodeBool(setting == "true"))
		} else {
			option = protowire.AppendString(protowire.AppendTag(nil, text, protowire.BytesType), setting)
		}
		entry := protowire.AppendString(protowire.AppendTag(nil, key, protowire.BytesType), name)
		entry = protowire.AppendBytes(protowire.AppendTag(entry, value, protowire.BytesType), option)
		options = protowire.AppendBytes(protowire.AppendTag(options, overrides, protowire.BytesType), entry)
	}
	return options
}
