package measure

import (
	"math"
	"time"
)

// rank is the place, from 1, of the sample that so many percent of total samples
// do not exceed: the nearest rank, rounded up.
func rank(percent float64, total int64) int64 {
	return max(int64(math.Ceil(math.Nextafter(percent/100*float64(total), 0))), 1) // 99.00000000000001 of 100 is 99
}

// percentile is the value of a histogram at that rank, 0 where it is empty.
func percentile(h *Histogram, percent float64) time.Duration {
	total := h.TotalCount()
	if total == 0 {
		return 0
	}
	// hdrhistogram-go rounds ranks to the nearest: it gets a whole one.
	return time.Duration(h.ValueAtPercentile(100*float64(rank(percent, total))/float64(total))) * Resolution
}
