package run

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/report"
	"guestload/loadgen/session"
	"guestload/loadgen/timeline"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

func TestEveryGuestIsAccountedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		tally        executor.Tally
		open, closed int
		want         results.Guests
	}{
		"all played":     {executor.Tally{Arrived: 10, Completed: 7, Failed: 1, Unmatched: 1, Dropped: 1}, 10, 0, results.Guests{Planned: 10, Started: 9, Completed: 7, Failed: 1, Unmatched: 1, Dropped: 1}},
		"closed":         {executor.Tally{Arrived: 30, Completed: 30}, 0, 30, results.Guests{Planned: 30, Started: 30, Completed: 30}},
		"interrupted":    {executor.Tally{Arrived: 595, Completed: 240, Stopped: 355, Interrupted: true}, 5000, 0, results.Guests{Planned: 5000, Started: 595, Completed: 240, Dropped: 4760}},
		"and full":       {executor.Tally{Arrived: 6, Completed: 1, Dropped: 2, Stopped: 3, Interrupted: true}, 10, 0, results.Guests{Planned: 10, Started: 4, Completed: 1, Dropped: 9}},
		"closed, early":  {executor.Tally{Arrived: 7, Completed: 4, Stopped: 3, Interrupted: true}, 0, 7, results.Guests{Planned: 7, Started: 7, Completed: 4, Dropped: 3}},
		"both, early":    {executor.Tally{Arrived: 7, Completed: 4, Stopped: 3, Interrupted: true}, 10, 5, results.Guests{Planned: 15, Started: 7, Completed: 4, Dropped: 11}},
		"after the last": {executor.Tally{Arrived: 10, Completed: 8, Stopped: 2, Interrupted: true}, 10, 0, results.Guests{Planned: 10, Started: 10, Completed: 8, Dropped: 2}},
	} {
		run := results.Run{Record: results.Record{Guests: accounts(tt.tally, tt.open, tt.closed), Interrupted: tt.tally.Interrupted}}
		run.Conclude(nil)
		if g := run.Record.Guests; g != tt.want || len(run.Record.Invalid) > 1 {
			t.Errorf("%s: %+v, want %+v; invalid because %q", name, g, tt.want, run.Record.Invalid)
		}
	}
}

func TestWhoIsPlayedByAnotherGenerator(t *testing.T) {
	l := &load{open: 5, plan: executor.Plan{Share: executor.Share{K: 0, N: 2}}}
	for guest, apart := range []bool{false, false, true, true, false, false, false, true, true, false} { // closed phases from 5 on
		if l.apart(guest) != apart {
			t.Errorf("guest %d: apart is %v", guest, !apart)
		}
	}
}

// moments counts the drawings of a screen.
type moments struct{ lines int }

func (m *moments) Write(b []byte) (int, error) { m.lines++; return len(b), nil }

// A target that takes its time with its statistics is waited for in sight.
func TestWhatARunWaitsForIsShownMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &moments{}
		d := NoDisplay()
		d.Screen = report.NewLive(seen, report.Terminal{Live: true, Width: 80})
		o := &Observer{verifier: verify.New(verify.Contract())}
		p := NewProgress(d, scenarios.Scenario{Name: "x"}, "x", executor.Share{}, session.Clock{Epoch: time.Now()}, o, nil)
		p.WaitFor(timeline.ForStatistics, executor.Tally{}, func() { time.Sleep(4500 * time.Millisecond) })
		if got := p.Timeline().Snapshot(0, executor.Tally{}).Waiting; seen.lines != 5 || got != timeline.ForStatistics {
			t.Errorf("drawn %d times, want 5: at once and each second; waiting %q", seen.lines, got)
		}
	})
}
