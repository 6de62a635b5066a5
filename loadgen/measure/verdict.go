package measure

import (
	"fmt"
	"time"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

// Limits of a generator whose numbers are reliable.
const (
	// LateFloor is the lateness at the 99th percentile up to which no run is invalid.
	// Timers of a quiet two-core machine are 1 to 3 ms late there, and 3 to 28 ms with
	// other processes on every core (measured); a pause of that size in the offered load
	// leaves no lasting queue.
	LateFloor = 30 * time.Millisecond
	// LateShare is how much of the tightest threshold on a time the lateness at the 99th
	// percentile may be, if that is more than LateFloor.
	LateShare = 0.25
	// LateCeiling is the lateness that invalidates every run. Everything is counted by the
	// second, and past a quarter of one the load is not as planned. A generator short of
	// CPU also measures longer times, of which LateShare would allow more lateness.
	LateCeiling = 250 * time.Millisecond
	// WarnFloor and WarnShare, of a reported p99, must both be exceeded for a warning.
	WarnFloor = 2 * time.Millisecond
	WarnShare = 0.10
	// BusyShare is how much of its cores a generator may use without a warning.
	BusyShare = 0.85
)

// Judged describes a run's thresholds on times; zero where there are none.
type Judged struct {
	Tightest time.Duration // lowest upper bound on a time
	Miss     time.Duration // least by which a bound on a response time or lag was missed
}

// Verdict returns why the numbers of a run are unreliable (invalid), and what else a
// reader must know about them (warnings).
//
// Response time includes the generator's lateness. A threshold that held in spite of it
// held; one that was missed by no more than the lateness says nothing about the server, and
// the run is invalid. So is a run whose generator was so late that the load was not as
// planned. Without thresholds the smallest reported p99 takes the place of the tightest.
//
// Only the lateness of starts against the schedule and of timers counts. The lag of an
// operation may be caused by the server as well (a request that waited for a stalled
// connection), and is reported separately.
func Verdict(h Health, t Totals, judged Judged) (invalid, warnings []string) {
	fastest, op := fastestP99(t)
	limit := mostLate(t, judged.Tightest)
	judge := func(late Lateness, what string) {
		words := fmt.Sprintf("%s were %s late at the 99th percentile (worst %s)", what, round(late.P99), round(late.Max))
		switch {
		case late.P99 > limit:
			invalid = append(invalid, fmt.Sprintf("%s; at most %s is allowed in this run", words, round(limit)))
		case judged.Miss > 0 && late.P99 >= judged.Miss:
			invalid = append(invalid, fmt.Sprintf("%s, and a threshold was missed by only %s: that may be generator lag", words, round(judged.Miss)))
		case fastest > 0 && late.P99 > max(WarnFloor, share(fastest, WarnShare)):
			warnings = append(warnings, fmt.Sprintf("%s: much of response(%s) p99 %s may be generator lag", words, op, round(fastest)))
		}
	}
	judge(h.Starts, "guests")
	judge(h.Probes, "the generator's timers")
	if h.Lost > 0 {
		invalid = append(invalid, fmt.Sprintf("%d guests or timers were more than %s late", h.Lost, series.Highest))
	}
	if h.Early > 0 {
		invalid = append(invalid, fmt.Sprintf("%d guests started before they were due: a bug in loadgen", h.Early))
	}
	if t.Skewed > 0 {
		invalid = append(invalid, fmt.Sprintf("%d samples had times out of order: a bug in loadgen", t.Skewed))
	}
	if t.Displaced > 0 {
		warnings = append(warnings, fmt.Sprintf("%d samples are counted in a neighbouring second", t.Displaced))
	}
	if h.CPUShare > BusyShare {
		warnings = append(warnings, fmt.Sprintf("the generator used %.0f %% of its %d cores and may limit the load", 100*h.CPUShare, h.Parallelism))
	}
	if h.Pauses.Max > limit {
		warnings = append(warnings, fmt.Sprintf("garbage collection stopped the generator for up to %s", round(h.Pauses.Max)))
	}
	return invalid, warnings
}

// Late reports whether the generator was so late that its run is invalid, given the
// lowest upper bound that a threshold sets on a time; 0 for none. Then the machine was
// too slow for the load, so that time limits of the contract cannot be judged either.
func Late(h Health, t Totals, tightest time.Duration) bool {
	limit := mostLate(t, tightest)
	return h.Starts.P99 > limit || h.Probes.P99 > limit || h.Lost > 0
}

// mostLate is the lateness at the 99th percentile that a generator may have.
func mostLate(t Totals, tightest time.Duration) time.Duration {
	if tightest <= 0 {
		tightest, _ = fastestP99(t)
	}
	return min(max(LateFloor, share(tightest, LateShare)), LateCeiling)
}

// fastestP99 is the smallest p99 of response time of operations with at least
// a hundred samples, of any where none has as many; 0 without samples.
func fastestP99(t Totals) (p99 time.Duration, op operation.Op) {
	for _, least := range []int64{100, 1} {
		for _, o := range operation.All() {
			found := t.Operations[o]
			if found == nil || found.Count() < least {
				continue
			}
			if d := percentile(found.Response, 99); p99 == 0 || d < p99 {
				p99, op = d, o
			}
		}
		if p99 > 0 {
			break
		}
	}
	return p99, op
}

func share(d time.Duration, of float64) time.Duration { return time.Duration(float64(d) * of) }

// round cuts a time to three digits or so, for people.
func round(d time.Duration) time.Duration {
	for unit := time.Microsecond; unit < time.Second; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
	return d.Round(time.Second)
}
