package main

import (
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

const (
	// effectSeen is about how long the effect of a fault takes to be seen.
	effectSeen = 2 * time.Second
	// collecting is about how long the statistics of the target take.
	collecting = time.Second
)

// What a run waits for once its guests have gone.
const (
	forFaults     = "waiting for the effect of the faults"
	forStatistics = "collecting the target's statistics"
)

// expectedEnd is about when a run ends, at a target that answers at once: all phases are
// over, the last guests of each have played their scripts, all faults have shown
// their effect, and the statistics are collected.
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
		end = max(end, f.At+effectSeen)
	}
	return end + collecting
}

// left is how long the run still takes, so far as is known: it never grows. Where
// nothing is known any more it is negative, and the words say what the run waits for.
func (t *tape) left(at time.Duration, now executor.Tally) (time.Duration, string) {
	left := t.end - at
	switch {
	case t.ending == forStatistics:
		return -1, t.ending
	case left > 0:
		return left, ""
	case t.ending != "":
		return -1, t.ending
	case now.Live > 0:
		return -1, "waiting for " + results.FormatCounted(now.Live, "guest") + " to finish"
	}
	return -1, forStatistics
}

// waitFor does something that the run waits for once its guests have gone, and shows
// meanwhile what that is.
func (p *performance) waitFor(what string, now executor.Tally, do func()) {
	p.tape.ending = what
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		p.show(p.plan.Clock.Now(), now, len(p.tape.seconds))
		select {
		case <-again.C:
		case <-done:
			return
		}
	}
}
