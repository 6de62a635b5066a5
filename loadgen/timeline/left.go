package timeline

import (
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

const (
	// effectTime estimates how long the effect of a fault takes to be seen.
	effectTime = 2 * time.Second
	// statisticsTime estimates how long the statistics of the target take.
	statisticsTime = time.Second
)

// What a run waits for once its guests have left.
const (
	ForFaults     = "waiting for the effect of the faults"
	ForStatistics = "collecting the target's statistics"
)

// expectedEnd estimates when a run ends against a target that answers at once: after all
// phases, the scripts of the last guests of each phase, the effects of all faults, and the
// statistics.
func expectedEnd(s scenarios.Scenario) time.Duration {
	var begin time.Duration
	end := s.Length()
	for _, p := range s.Phases {
		begin += p.For
		if p.Guests > 0 || p.From > 0 || p.To > 0 {
			end = max(end, session.End(s.Scripts, begin))
		}
	}
	for _, f := range s.Faults {
		end = max(end, f.At+effectTime)
	}
	return end + statisticsTime
}

// left estimates how long the run still takes; the estimate never grows. Once nothing is
// known it is negative, and the words say what the run waits for.
func (t *Timeline) left(at time.Duration, now executor.Tally) (time.Duration, string) {
	left := t.end - at
	switch {
	case t.ending == ForStatistics:
		return -1, t.ending
	case left > 0:
		return left, ""
	case t.ending != "":
		return -1, t.ending
	case now.Live > 0:
		return -1, "waiting for " + results.FormatCounted(now.Live, "guest") + " to finish"
	}
	return -1, ForStatistics
}
