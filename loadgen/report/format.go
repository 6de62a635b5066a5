package report

import (
	"fmt"
	"time"

	"guestload/results"
)

// clock writes a time as 0:04 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

func latency(d time.Duration) string {
	return results.FormatMillis(float64(d) / float64(time.Millisecond))
}
