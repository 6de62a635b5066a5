package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

// reading is one file being read: it collects every problem instead of
// stopping at the first.
type reading struct {
	problems []Problem
	open     func(file string) ([]byte, error) // nil: feeds are not opened
	named    []*yaml.Node                      // phases that steps wait for
}

func (r *reading) problem(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, Problem{n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// entries are the keys of one mapping.
type entries struct {
	node   *yaml.Node
	keys   []*yaml.Node
	values map[string]*yaml.Node
	meant  []string // keys that unknown ones were probably meant to be
}

// get returns the value under the key, nil where it is absent.
func (e entries) get(key string) *yaml.Node { return e.values[key] }

func (e entries) has(key string) bool { return e.values[key] != nil }

// mapping reads the keys of n and complains of those that do not belong to
// what n is. False where n is no mapping at all.
func (r *reading) mapping(n *yaml.Node, what string, valid []string) (entries, bool) {
	e := entries{node: n, values: map[string]*yaml.Node{}}
	if n.Kind != yaml.MappingNode {
		r.problem(n, "found %s where %s belongs, with the keys %s", describe(n), what, strings.Join(valid, ", "))
		return e, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.problem(key, "found %s where a key of %s belongs", describe(key), what)
		case !slices.Contains(valid, key.Value):
			r.problem(key, "unknown key %q in %s: %s", key.Value, what, rightKey(key.Value, value, valid))
			e.meant = append(e.meant, nearest(key.Value, valid))
		case e.values[key.Value] != nil:
			r.problem(key, "%q stands twice in %s, first in line %d", key.Value, what, e.values[key.Value].Line)
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null" && value.Value == "":
			r.problem(key, "%q has no value: write one after the colon, or leave the key out", key.Value)
			e.values[key.Value] = value
		default:
			e.keys = append(e.keys, key)
			e.values[key.Value] = value
		}
	}
	return e, true
}

// rightKey explains an unknown key. In flow style a comma ends a value, so that
// what follows it looks like a key without one.
func rightKey(key string, value *yaml.Node, valid []string) string {
	if strings.HasSuffix(key, ")") && value.Value == "" {
		return "a distribution has no parentheses or commas: write it like exponential mean 500ms max 5s"
	}
	return instead(key, valid)
}

// describe names what a node is, for messages.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", shorten(n.Value))
}

func shorten(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return s
}

// isNothing reports a value that mapping has complained of already.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == ""
}

// text reads one value that is no list and no mapping. It is not empty.
func (r *reading) text(n *yaml.Node, what string) (string, bool) {
	switch {
	case isNothing(n):
		return "", false
	case n.Kind != yaml.ScalarNode:
		r.problem(n, "found %s where %s belongs", describe(n), what)
		return "", false
	case strings.TrimSpace(n.Value) == "":
		r.problem(n, "found empty text where %s belongs", what)
		return "", false
	}
	return n.Value, true
}

// shown reads a text that people are shown: without characters that would do
// something to their terminal.
func (r *reading) shown(n *yaml.Node, what string) (string, bool) {
	s, ok := r.text(n, what)
	for _, c := range s {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			r.problem(n, "found the control character %U in %s", c, what)
			return "", false
		}
	}
	return s, ok
}

// items reads the items of a list that has at least one.
func (r *reading) items(n *yaml.Node, what string) []*yaml.Node {
	switch {
	case isNothing(n):
	case n.Kind != yaml.SequenceNode:
		r.problem(n, "found %s where %s belongs", describe(n), what)
	case len(n.Content) == 0:
		r.problem(n, "found an empty list where %s belongs", what)
	default:
		return n.Content
	}
	return nil
}

// list reads the items of a list; a single value counts as a list of one.
func (r *reading) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind == yaml.ScalarNode && !isNothing(n) {
		return []*yaml.Node{n}
	}
	return r.items(n, what)
}

// texts reads one text or a list of them.
func (r *reading) texts(n *yaml.Node, what string) []string {
	var all []string
	for _, item := range r.list(n, what) {
		if isNothing(item) {
			r.problem(item, "found nothing where %s belongs", what)
		} else if s, ok := r.text(item, what); ok {
			all = append(all, s)
		}
	}
	return all
}

// word reads one of the valid words.
func (r *reading) word(n *yaml.Node, what string, valid ...string) (string, bool) {
	s, ok := r.text(n, what)
	if ok && !slices.Contains(valid, s) {
		r.problem(n, "found %q where %s belongs: %s", s, what, instead(s, valid))
		ok = false
	}
	return s, ok
}

// parsed reads a value with one of the value parsers, which say what is right.
func parsed[T any](r *reading, n *yaml.Node, key string, parse func(string) (T, error)) (T, bool) {
	var none T
	s, ok := r.text(n, key)
	if !ok {
		return none, false
	}
	v, err := parse(s)
	if err != nil {
		r.problem(n, "%s: found %q: %v", key, shorten(s), err)
		return none, false
	}
	return v, true
}
