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

// Guess offers the nearest of the right words, as in ": did you mean gate?", or
// nothing where none is near.
func Guess(word string, words []string) string {
	best, distance := "", len(word)/2+1
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
