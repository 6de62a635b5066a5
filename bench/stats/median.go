// Package stats holds the small statistics that the reports of bench share.
package stats

import (
	"cmp"
	"slices"
)

// Median is the middle of the values, the mean of the two middle ones for an even
// number, and 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// UpperMedian is the middle of the values, the higher of the two middle ones for an even
// number, and the zero value of none.
func UpperMedian[T cmp.Ordered](values []T) (m T) {
	if len(values) == 0 {
		return m
	}
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}
