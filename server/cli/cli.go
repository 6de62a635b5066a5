// Package cli is what all programs here have in common on their command lines.
package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/pflag"
)

// LongDashes gives every long flag that was written with one dash its second
// one, up to a "--". It returns a copy.
func LongDashes(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if name, _, _ := strings.Cut(arg, "="); len(name) > 2 && name[0] == '-' && name[1] != '-' {
			args[i] = "-" + arg
		}
	}
	return args
}

// UsageError is a wrong command line, for which programs exit with code 2.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its kind.
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Explain adds the nearest flag to pflag's error about an unknown one, and leaves
// other errors as they are.
func Explain(fs *pflag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return err
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return fmt.Errorf("%w%s; -h explains all", err, Guess("--"+name, names))
}

// Guess suggests the closest of the right words, as in ": did you mean gate?", or
// returns "" where none is close: a third of the letters may differ, and one more.
func Guess(word string, words []string) string {
	best, distance := "", min(len(word)/3+2, len(word))
	for _, w := range words {
		if d := levenshtein.Distance(word, w, nil); d < distance {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", best)
}
