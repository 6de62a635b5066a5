package entropy_test

import (
	"testing"

	"guestload/server/entropy"
)

func TestBytesAreGivenOnce(t *testing.T) {
	var s entropy.Source
	seen := make(map[[16]byte]bool)
	for i := range 1000 {
		for _, n := range []int{16, 13 + 16, entropy.MaxTake} {
			got := s.Take(n)
			if len(got) != n || cap(got) != n {
				t.Fatalf("%d bytes with room for %d, want %d", len(got), cap(got), n)
			}
			if last := [16]byte(got[n-16:]); seen[last] {
				t.Fatalf("round %d: % x was given before", i, last)
			} else {
				seen[last] = true
			}
		}
	}
	if got := s.Take(0); len(got) != 0 {
		t.Errorf("%d bytes, none wanted", len(got))
	}
}

func TestNobodyCanTakeMoreThanThereIs(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("more than MaxTake were given")
		}
	}()
	new(entropy.Source).Take(entropy.MaxTake + 1)
}

// Bytes that overlap would be somebody's already.
func TestBytesDoNotOverlap(t *testing.T) {
	var s entropy.Source
	first := s.Take(8)
	before := [8]byte(first)
	clear(s.Take(8))
	if [8]byte(first) != before {
		t.Errorf("first became % x, was % x", first, before)
	}
}

func BenchmarkTake(b *testing.B) {
	var s entropy.Source
	b.ReportAllocs()
	for b.Loop() {
		s.Take(16)
	}
}
