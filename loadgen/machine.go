package main

import (
	"fmt"
	"iter"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/scenarios"
)

// spare files are for the record, the log, the standard streams and the like.
const spare = 64

// machine is what this machine lets a run have.
type machine struct {
	live  int // guests at a time
	conns int // HTTP connections
	files int // open files allowed
}

// measureMachine divides the open files that one process may have; so many HTTP
// connections are asked for, 0 for as many as are good.
func measureMachine(asked int) (machine, error) {
	files, err := openFiles()
	if err != nil {
		return machine{}, fmt.Errorf("limit of open files: %w", err)
	}
	conns := min(1024, files/10)
	if asked > 0 {
		conns = asked
	}
	m := machine{files: files, conns: conns, live: files - conns - spare}
	switch {
	case asked > 0 && m.live < 1:
		return m, fmt.Errorf("--connections %d: only %d files may be open, of which %d are for guests and all else: raise the limit (`ulimit -n %d`) or ask for fewer",
			asked, files, spare, roundUp(asked+2*spare))
	case m.live < 1 || conns < 1:
		return m, fmt.Errorf("only %d files may be open: raise the limit, as with `ulimit -n 4096`", files)
	}
	return m, nil
}

// warn says that a run will need more than there is, "" where it will not.
func (m machine) warn(s scenarios.Scenario) string {
	peak := peakLive(s)
	if peak <= m.live {
		return ""
	}
	return fmt.Sprintf("about %d guests will be live at a time, and %d files may be open here, enough for %d: those past it will be dropped, and the run be invalid. "+
		"Raise the limit (`ulimit -n %d`, or the system's own, as root) or play fewer (--scale %.2g)",
		peak, m.files, m.live, roundUp(peak+m.conns+spare), 0.9*float64(m.live)/float64(peak))
}

// peakLive predicts how many guests are live at a time: as many as arrive within
// the time that a script takes on the average.
func peakLive(s scenarios.Scenario) int {
	typical := session.Typical(s.Scripts)
	most := 0
	for _, p := range s.Phases {
		if p.Shape == scenarios.Closed {
			most = max(most, p.Guests)
		}
	}
	phases := executor.Schedule(s.Phases)
	next, stop := iter.Pull(schedule.Arrivals(phases, s.Seed))
	defer stop()
	oldest, left := next()
	live := 0
	for a := range schedule.Arrivals(phases, s.Seed) {
		live++
		for left && a.At-oldest.At > typical {
			live--
			oldest, left = next()
		}
		most = max(most, live)
	}
	return most
}

// roundUp makes a limit that people would choose.
func roundUp(n int) int {
	limit := 1024
	for limit < n {
		limit *= 2
	}
	return limit
}

// grace is how long guests may go on after the last arrival: longer than any
// script takes, if everything in it takes as long as it may.
func grace(s scenarios.Scenario) time.Duration { return session.Longest(s.Scripts) }
