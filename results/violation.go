package results

import (
	"slices"
	"strings"
)

// Violation counts breaches of one rule, with the first few told. A breach that
// follows from another, for the same guests in the same chats, does not count as a
// breach of its own rule, but among the consequences of that other. Records of
// before that have none.
type Violation struct {
	Rule         string        `json:"rule"`
	Count        int64         `json:"count"`
	Examples     []string      `json:"examples,omitempty"`
	Consequences []Consequence `json:"consequences,omitempty"`
}

// Consequence counts the breaches of one rule that follow from those of another.
type Consequence struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
}

// Broken is what the violations of a record come to.
type Broken struct {
	Rules        int   // that were broken first
	Times        int64 // how often
	Consequences int64 // breaches that followed from these
}

// Broken counts the violations.
func (r Record) Broken() (b Broken) {
	for _, v := range r.Violations {
		if v.Count > 0 {
			b.Rules, b.Times = b.Rules+1, b.Times+v.Count
		}
		for _, c := range v.Consequences {
			b.Consequences += c.Count
		}
	}
	return b
}

// String is as in "2 rules of the contract broken, 8 times, with 542 consequences".
func (b Broken) String() string {
	words := FormatCounted(b.Rules, "rule") + " of the contract broken, " + FormatCounted(b.Times, "time")
	if b.Consequences > 0 {
		words += ", with " + FormatCounted(b.Consequences, "consequence")
	}
	return words
}

// Followed lists the consequences with their counts, as in "release 2, event-order 1".
func (v Violation) Followed() string {
	words := make([]string, len(v.Consequences))
	for i, c := range v.Consequences {
		words[i] = c.Rule + " " + FormatCount(c.Count)
	}
	return strings.Join(words, ", ")
}

// violations counts breaches: of all rules without consequences, which have a cause
// that counts, and of one rule all of its breaches, consequences or not.
func (r Record) violations(rule string) (n int64) {
	for _, v := range r.Violations {
		if rule == "" || rule == v.Rule {
			n += v.Count
		}
		for _, c := range v.Consequences {
			if rule == c.Rule {
				n += c.Count
			}
		}
	}
	return n
}

// joinViolations adds those of another run, with the first few examples of each.
func (r *Record) joinViolations(others []Violation) {
	for _, v := range others {
		i := slices.IndexFunc(r.Violations, func(known Violation) bool { return known.Rule == v.Rule })
		if i < 0 {
			v.Examples, v.Consequences = slices.Clone(v.Examples), slices.Clone(v.Consequences)
			r.Violations = append(r.Violations, v)
			continue
		}
		r.Violations[i].join(v)
	}
}

func (v *Violation) join(other Violation) {
	v.Count += other.Count
	examples := append(v.Examples, other.Examples...)
	v.Examples = examples[:min(len(examples), examplesKept)]
	v.Consequences = slices.Clone(v.Consequences)
	for _, c := range other.Consequences {
		i := slices.IndexFunc(v.Consequences, func(known Consequence) bool { return known.Rule == c.Rule })
		if i < 0 {
			v.Consequences = append(v.Consequences, c)
			continue
		}
		v.Consequences[i].Count += c.Count
	}
}
