package session

import (
	"time"

	"guestload/scenarios"
)

// Longest is about the longest time that a guest can take: every wait as long
// as it is allowed to be.
func Longest(scripts []scenarios.Script) time.Duration {
	var longest time.Duration
	for _, script := range scripts {
		var d time.Duration
		for _, s := range script.Steps {
			d += defaultTimeout + s.Within + s.Until + s.Over + seconds(longestOf(s.For))
			think := longestOf(s.Think)
			if s.Kind == scenarios.Chat {
				d += noticed + seconds(think*longestOf(s.Messages))
			}
			d += seconds(think)
		}
		longest = max(longest, d)
	}
	return longest
}

// Typical is about the time that a guest takes on the average, at a backend that
// answers at once.
func Typical(scripts []scenarios.Script) time.Duration {
	var total, weights float64
	for _, script := range scripts {
		weights += script.Weight
		for _, s := range script.Steps {
			t := meanOf(s.For) + s.Until.Seconds() + s.Over.Seconds()/2
			if s.Kind == scenarios.Chat {
				// Whoever has less to say waits for the other.
				t += meanOf(s.Think) * (meanOf(s.Messages) + longestOf(s.Messages)) / 2
			} else {
				t += meanOf(s.Think)
			}
			total += script.Weight * t
		}
	}
	if weights == 0 {
		return 0
	}
	return seconds(total/weights) + time.Second // for everything that is not waiting
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, 30*24*3600) * float64(time.Second))
}

// meanOf is about the mean of a draw.
func meanOf(d scenarios.Draw) float64 {
	v := d.A
	switch d.Form {
	case scenarios.Range:
		v = (d.A + d.B) / 2
	case scenarios.LogNormal:
		v = d.A * lognormalMean(d.B)
	case scenarios.List:
		v = 0
		for _, x := range d.Values {
			v += x / float64(len(d.Values))
		}
	}
	if d.Max > 0 {
		v = min(v, d.Max)
	}
	return max(v, d.Min)
}
