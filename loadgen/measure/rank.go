package measure

import (
	"time"

	"guestload/results/series"
)

// percentile is the value that so many percent of the samples do not exceed, 0 without samples.
func percentile(h *series.Histogram, percent float64) time.Duration {
	return time.Duration(series.Percentiles(h, percent)[0]) * series.Resolution
}
