package timeline_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"testing"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/timeline"
	"guestload/results/series"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// What guests do during warm-up is shown while they do it, though nothing is recorded:
// by the process that plays them, and by one to which another process sends its seconds.
func TestTheScreenShowsWhatHappensDuringWarmup(t *testing.T) {
	s := scenarios.Scenario{Name: "talk", Phases: []scenarios.Phase{
		{Name: "warm", Shape: scenarios.Rate, From: 5, For: 3 * time.Second},
		{Name: "hold", Shape: scenarios.Rate, From: 5, For: 3 * time.Second, Record: true},
	}}
	book := measure.NewBook(2)
	at := func(ms int) measure.Sample {
		d := time.Duration(ms) * time.Millisecond
		return measure.Sample{Op: operation.Ack, Intended: d, Sent: d, Done: d}
	}
	own, sent := timeline.New(s, s.Name, executor.Share{}), timeline.New(s, s.Name, executor.Share{})
	for i, c := range []struct {
		warm, recorded, arrived int
		messages                float64
		acks, timeouts          int64 // in the row of the operation, and in the errors so far
		warmup                  bool
	}{
		{7, 0, 5, 7, 7, 1, true},
		{0, 0, 10, 0, 0, 1, true},
		{3, 0, 15, 3, 3, 2, true},
		{2, 4, 20, 6, 4, 3, false}, // guests of the warm-up who still talk
		{0, 5, 25, 5, 5, 3, false},
	} {
		for n := range c.warm {
			book.Warmup(n).Success(at(1000*i + n))
		}
		if c.warm > 0 {
			book.Warmup(0).Failure(operation.Create, "timeout", time.Second, time.Duration(i)*time.Second)
		}
		for n := range c.recorded {
			book.Recorder(n).Success(at(1000*i + n))
		}
		now := executor.Tally{Arrived: c.arrived, Live: c.arrived}
		elapsed := time.Duration(i+1) * time.Second
		own.Add(book.Tick(elapsed), now)
		var wire bytes.Buffer
		var received []series.Second
		if err := errors.Join(gob.NewEncoder(&wire).Encode(own.Seconds()[len(sent.Seconds()):]), gob.NewDecoder(&wire).Decode(&received)); err != nil {
			t.Fatal(err)
		}
		sent.Append(received)
		for name, line := range map[string]*timeline.Timeline{"own": own, "sent": sent} {
			shown := line.Snapshot(elapsed-1, now)
			if shown.MessageRate != c.messages || shown.ArrivalRate != 5 || shown.Warmup != c.warmup {
				t.Errorf("second %d, %s: %v messages and %v arrivals, warm-up %v; want %v, 5 and %v", i, name, shown.MessageRate, shown.ArrivalRate, shown.Warmup, c.messages, c.warmup)
			}
			var acks, timeouts int64
			for _, o := range shown.Operations {
				if o.Name == "ack" {
					acks = o.Count
				}
			}
			for _, f := range shown.Failures {
				timeouts += f.Count
			}
			if acks != c.acks || timeouts != c.timeouts {
				t.Errorf("second %d, %s: %d acks and %d timeouts are shown, want %d and %d", i, name, acks, timeouts, c.acks, c.timeouts)
			}
		}
	}
}
