package measure

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"guestload/results/series"
)

func TestBucketsAreThoseOfHdrHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ours, theirs := new(atomicHistogram), hdrhistogram.New(1, series.Highest.Microseconds(), 3)
	for range 200_000 {
		us := rng.Int64N(1 << (1 + rng.Int64N(26)))
		us = min(us, series.Highest.Microseconds())
		ours.add(time.Duration(us) * time.Microsecond)
		if err := theirs.RecordValue(us); err != nil {
			t.Fatal(err)
		}
	}
	got := series.NewHistogram()
	ours.drain(got)
	dense := hdrhistogram.New(1, series.Highest.Microseconds(), 3)
	if dropped := got.MergeInto(dense); dropped != 0 {
		t.Fatalf("%d dropped", dropped)
	}
	if !dense.Equals(theirs) {
		t.Fatal("buckets differ from those of hdrhistogram-go")
	}
	if !ours.empty() {
		t.Fatal("not empty after a drain")
	}
}

func TestTimesAreRoundedToTheNearestMicrosecond(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want int64
	}{{0, 0}, {499, 0}, {500, 1}, {1499, 1}, {time.Millisecond, 1000}, {1023 * time.Microsecond, 1023},
		{1024 * time.Microsecond, 1024}, {2047 * time.Microsecond, 2047}, {2048 * time.Microsecond, 2049}, {series.Highest, 3_600_809_983}} {
		h, got := new(atomicHistogram), series.NewHistogram()
		h.add(c.d)
		h.drain(got)
		if got.Max() != c.want || got.TotalCount() != 1 {
			t.Errorf("%v: got %d µs (%d samples), want %d", c.d, got.Max(), got.TotalCount(), c.want)
		}
	}
}

func FuzzBucket(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(series.Highest))
	f.Add(int64(2048 * time.Microsecond))
	f.Fuzz(func(t *testing.T, ns int64) {
		if ns < 0 || ns > int64(series.Highest) {
			return
		}
		h, got := new(atomicHistogram), series.NewHistogram()
		h.add(time.Duration(ns))
		h.drain(got)
		us := (ns + 500) / 1000
		if got.TotalCount() != 1 || got.CountAtValue(us) != 1 {
			t.Fatalf("%d ns is not in the bucket of %d µs", ns, us)
		}
	})
}
