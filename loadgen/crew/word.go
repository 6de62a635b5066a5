// Package crew is the processes that play one run together, each its share: how
// they are started, and what they and the process that started them say to each
// other, over standard input and output.
package crew

import (
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"
	"sync"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/executor"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

// Job is what a process is to do.
type Job struct {
	Scenario  scenarios.Scenario
	Part      results.Part
	Targets   []string // each instance's address
	Transport api.Framing
	Without   map[scenarios.Kind]bool
	Conns     int           // HTTP connections at most; 0: as many as are good
	Access    client.Access // to the targets
}

// order is what a process is told after its Job. Fields that it does not speak of
// are zero.
type order struct {
	Epoch   int64    // said once all are ready: when the run begins, in nanoseconds since 1970, by the clock that all of them share
	Wronged []string // ids of guests for whom a rule was found broken
}

// Word is what a process says of its share. Fields that it does not speak of are zero.
type Word struct {
	Ready bool // to start; said first

	// Once a second, and at the end: the seconds that are over, and how its guests stand.
	Seconds []Second
	Now     executor.Tally
	Notice  string // what is wrong with the target, as soon as it is known

	// What its guests told their witnesses, all of it until then, and how late the
	// process was itself.
	Until, Lag time.Duration
	Calls      []byte

	End *End // said last
}

// End is what a process has to say when its share is over.
type End struct {
	Record  results.Record
	Invalid []string // why its numbers are unreliable
	Late    bool     // it was so late that time limits of the contract cannot be judged
}

// Second is one second of a share, in a form that can be said.
type Second struct {
	Second                        int
	Phase                         string
	Warmup                        bool
	Arrived, Done, Live, Messages int64
	Operations, Unrecorded        map[string]Times
}

// Times are one operation's in a second: of each histogram the counts that are not
// zero, behind their values.
type Times struct {
	Response, Service, Lag []byte
	Failures               map[string]results.Failures
	Retries                int64
}

// Say makes a second one that can be said.
func Say(s results.Second) Second {
	said := Second{s.Second, s.Phase, s.Warmup, s.Arrived, s.Done, s.Live, s.Messages, say(s.Operations), say(s.Unrecorded)}
	return said
}

func say(operations map[string]*results.Times) map[string]Times {
	said := make(map[string]Times, len(operations))
	for name, t := range operations {
		said[name] = Times{counts(t.Response), counts(t.Service), counts(t.Lag), t.Failures, t.Retries}
	}
	return said
}

// Heard is the second that was said.
func (s Second) Heard() (results.Second, error) {
	heard := results.Second{
		Second: s.Second, Phase: s.Phase, Warmup: s.Warmup, Arrived: s.Arrived, Done: s.Done, Live: s.Live, Messages: s.Messages,
	}
	var err error
	if heard.Operations, err = hear(s.Operations); err == nil {
		heard.Unrecorded, err = hear(s.Unrecorded)
	}
	if err != nil {
		return heard, fmt.Errorf("second %d, %w", s.Second, err)
	}
	return heard, nil
}

func hear(operations map[string]Times) (map[string]*results.Times, error) {
	heard := make(map[string]*results.Times, len(operations))
	for name, said := range operations {
		t := results.NewTimes()
		for _, h := range []struct {
			to   *results.Histogram
			from []byte
		}{{t.Response, said.Response}, {t.Service, said.Service}, {t.Lag, said.Lag}} {
			if err := count(h.to, h.from); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		for kind, f := range said.Failures {
			t.Failures[kind] = f
		}
		t.Retries = said.Retries
		heard[name] = t
	}
	return heard, nil
}

func counts(h *results.Histogram) (b []byte) {
	h.ForEachBucket(func(value, count int64) bool {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(value)), uint64(count))
		return true
	})
	return b
}

func count(h *results.Histogram, b []byte) error {
	for len(b) > 0 {
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return fmt.Errorf("a histogram that cannot be read")
		}
		times, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return fmt.Errorf("a histogram that cannot be read")
		}
		if err := h.RecordValues(int64(value), int64(times)); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}

// Line is a process's own end.
type Line struct {
	in *gob.Decoder
	mu struct {
		sync.Mutex
		out *gob.Encoder
	}
}

// NewLine returns the end that reads from in and writes to out.
func NewLine(in io.Reader, out io.Writer) *Line {
	l := &Line{in: gob.NewDecoder(in)}
	l.mu.out = gob.NewEncoder(out)
	return l
}

// Job reads what is to be done: first.
func (l *Line) Job() (j Job, err error) {
	if err := l.in.Decode(&j); err != nil {
		return j, fmt.Errorf("read what to play: %w", err)
	}
	return j, nil
}

// Epoch waits for the start, after Ready was said, and returns the moment of it.
func (l *Line) Epoch() (time.Time, error) {
	var o order
	if err := l.in.Decode(&o); err != nil {
		return time.Time{}, fmt.Errorf("wait for the start: %w", err)
	}
	now := time.Now()
	return now.Add(time.Unix(0, o.Epoch).Sub(now)), nil // with the monotonic clock, unlike time.Unix
}

// Wait passes on whom a rule was broken for, until the other side has ended the
// line: there is nobody to play for any more, or the run is to end early.
func (l *Line) Wait(wronged func(ids []string)) {
	for {
		var o order
		if l.in.Decode(&o) != nil {
			return
		}
		wronged(o.Wronged)
	}
}

// Say says a word. Safe for concurrent use.
func (l *Line) Say(w Word) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.mu.out.Encode(w); err != nil {
		return fmt.Errorf("tell how the share goes: %w", err)
	}
	return nil
}
