package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Problem is one thing wrong in a file.
type Problem struct {
	Line, Column int    // from 1; columns count characters
	Message      string // what was found and what is right
}

// InvalidError is every problem of one file, in the order of the file.
type InvalidError struct {
	File     string
	Problems []Problem
}

// Error returns one line a problem, each "file:line:column: message".
func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, p.Line, p.Column, p.Message)
	}
	return b.String()
}

func inFileOrder(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// nearest returns the candidate that the word was probably meant to be, "" for
// none: a third of the letters may be wrong, in short words two of them, which is
// one swap; or the end may be missing.
func nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	word = strings.ToLower(word)
	best, distance := "", (len(word)+2)/3+1
	if len(word) >= 3 {
		distance = max(distance, 3)
	}
	for _, c := range candidates {
		if d := levenshtein.Distance(word, strings.ToLower(c), nil); d < distance {
			best, distance = c, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	i := slices.IndexFunc(candidates, func(c string) bool {
		return strings.HasPrefix(c, word) || strings.HasPrefix(word, c)
	})
	if i < 0 {
		return ""
	}
	return candidates[i]
}

// instead says which of the valid words was meant, or lists them all.
func instead(word string, valid []string) string {
	if guess := nearest(word, valid); guess != "" {
		return fmt.Sprintf("did you mean %q?", guess)
	}
	return "it is one of " + strings.Join(valid, ", ")
}
