package session

import (
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/server/api"
)

// longestNotice is the longest time until a guest gives up a partner that fell silent, over any transport.
var longestNotice = verify.Contract().Over(api.SocketIO).Vanished + noticedLate

// Longest estimates the longest time that a guest can take: every wait takes its limit.
func Longest(scripts []scenarios.Script) time.Duration {
	var longest time.Duration
	for _, script := range scripts {
		var d time.Duration
		for _, s := range script.Steps {
			d += defaultTimeout + s.Within + s.Until + s.Over + seconds(longestOf(s.For))
			think := longestOf(s.Think)
			if s.Kind == scenarios.Chat {
				d += longestNotice + seconds(think*longestOf(s.Messages))
			}
			d += seconds(think)
		}
		longest = max(longest, d)
	}
	return longest
}

// End estimates when the last of the guests who arrive until then has left, at a backend that
// answers at once.
func End(scripts []scenarios.Script, last time.Duration) time.Duration {
	end := last
	for _, script := range scripts {
		at := last.Seconds()
		for _, s := range script.Steps {
			if s.Kind == scenarios.Wait { // for a moment of the run
				at = max(at+meanOf(s.Think), (s.Until + s.Over).Seconds())
				continue
			}
			at += usual(s)
		}
		end = max(end, seconds(at)+time.Second)
	}
	return end
}

// usual estimates the average time of a step in seconds.
func usual(s scenarios.Step) float64 {
	if s.Kind == scenarios.Chat {
		// Whoever has less to say waits for the other.
		return meanOf(s.For) + meanOf(s.Think)*(meanOf(s.Messages)+longestOf(s.Messages))/2
	}
	return meanOf(s.For) + meanOf(s.Think)
}

// Typical estimates the average time of a guest, at a backend that answers at once.
func Typical(scripts []scenarios.Script) time.Duration {
	var total, weights float64
	for _, script := range scripts {
		weights += script.Weight
		for _, s := range script.Steps {
			total += script.Weight * (usual(s) + s.Until.Seconds() + s.Over.Seconds()/2)
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

// meanOf estimates the mean of a draw.
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
