package measure

import (
	"math/bits"
	"sync/atomic"
	"time"

	"guestload/results/series"
)

// The buckets are those of HdrHistogram for 1 µs..1 h and three digits: pages
// of 1,024 counts, the first two of 1 µs each, every further one twice as wide.
const (
	pageBits  = 10
	pageSize  = 1 << pageBits
	pageCount = 23 // the last holds 2,147 s..4,295 s
)

// atomicHistogram is a histogram that many write and one drains. Pages appear
// when first needed, 4 KiB each: most histograms need four of the 23. The zero
// value is ready for use.
//
// It is not a hdrhistogram.Histogram behind a phaser because three of those
// and two phase changes a sample cost twice the time that this takes.
type atomicHistogram struct {
	pages [pageCount]atomic.Pointer[page]
}

type page [pageSize]atomic.Uint32

// add counts d, which lies in 0..series.Highest, rounded to the nearest microsecond.
func (h *atomicHistogram) add(d time.Duration) {
	us := uint64(d+series.Resolution/2) / uint64(series.Resolution)
	shift := bits.Len64(us|(2*pageSize-1)) - pageBits - 1
	index := uint(shift)<<pageBits + uint(us>>uint(shift))
	p := h.pages[index>>pageBits].Load()
	if p == nil {
		p = h.grow(index >> pageBits)
	}
	p[index%pageSize].Add(1)
}

func (h *atomicHistogram) grow(index uint) *page {
	h.pages[index].CompareAndSwap(nil, new(page))
	return h.pages[index].Load()
}

// drain moves all counts into the histograms of into. Counts added meanwhile
// are either moved or left for the next drain, never lost.
func (h *atomicHistogram) drain(into ...*series.Histogram) {
	h.each(true, func(us, count int64) {
		for _, to := range into {
			// Within the range by construction of the buckets, so it cannot fail.
			_ = to.RecordValues(us, count)
		}
	})
}

// copyTo adds all counts to a histogram and keeps them.
func (h *atomicHistogram) copyTo(to *series.Histogram) {
	h.each(false, func(us, count int64) { _ = to.RecordValues(us, count) })
}

// empty reports whether nothing is counted.
func (h *atomicHistogram) empty() bool {
	for i := range h.pages {
		if p := h.pages[i].Load(); p != nil {
			for j := range p {
				if p[j].Load() != 0 {
					return false
				}
			}
		}
	}
	return true
}

// each visits every bucket that holds something, from low to high.
func (h *atomicHistogram) each(take bool, visit func(us, count int64)) {
	for i := range h.pages {
		p := h.pages[i].Load()
		if p == nil {
			continue
		}
		for j := range p {
			if p[j].Load() == 0 {
				continue
			}
			count := p[j].Load()
			if take {
				count = p[j].Swap(0)
			}
			visit(bucketFloor(i, j), int64(count))
		}
	}
}

// bucketFloor is the lowest value of a bucket, in microseconds.
func bucketFloor(page, slot int) int64 {
	if page == 0 {
		return int64(slot)
	}
	return int64(pageSize+slot) << (page - 1)
}
