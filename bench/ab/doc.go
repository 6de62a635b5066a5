// Package ab builds two revisions from outside and runs them against each
// other: benchmarks and whole servers under load, in pairs, the order within a
// pair drawn at random. It measures and judges nothing.
//
// Pairs, since figures of the same code taken some minutes apart differ by more
// than any change that is worth catching: see Bulej et al., "Duet Benchmarking"
// (ICPE 2020), and the measurements in this project's own selftest.
package ab

// Side is one of the two revisions.
type Side int

// The sides.
const (
	Base Side = iota
	Head
)

// String is "base" or "head".
func (s Side) String() string { return [...]string{"base", "head"}[s] }

// Sides are both.
func Sides() [2]Side { return [2]Side{Base, Head} }
