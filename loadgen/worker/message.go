// Package worker plays a share of a run in a process of its own: the process, the messages
// between it and the coordinator that started it, over standard input and output, and the
// worker itself.
package worker

import (
	"encoding/gob"
	"fmt"
	"io"
	"sync"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/executor"
	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
	"guestload/server/api"
)

// Job is what a worker plays: its first input.
type Job struct {
	Scenario  scenarios.Scenario
	Part      results.Part
	Targets   []string // address of each instance
	Transport api.Framing
	Without   map[scenarios.Kind]bool
	Conns     int // HTTP connections at most; 0: the default
	Access    client.Access
}

// order is a message to a worker after its Job. Unused fields are zero.
type order struct {
	Epoch   int64    // sent once all workers are ready: when the run begins, in nanoseconds since 1970, by the clock that all of them share
	Wronged []string // ids of guests for whom a rule was broken
}

// Message is a message of a worker. Unused fields are zero.
type Message struct {
	Ready bool // the first

	// Once a second, and at the end: the seconds that have ended, and how guests stand.
	Seconds []series.Second
	Now     executor.Tally
	Notice  string // what is wrong with the target, as soon as it is known

	// All that guests told their witnesses before Until, and how late the worker was.
	Until, Lag time.Duration
	Calls      []byte

	End *End // the last
}

// End is what a worker knows when its share is over.
type End struct {
	Record  results.Record
	Invalid []string // why the share is invalid
	Late    bool     // time limits of the contract are not judged
}

// Conn is a worker's end of the connection to its coordinator.
type Conn struct {
	in *gob.Decoder
	mu struct {
		sync.Mutex
		out *gob.Encoder
	}
}

// NewConn returns the end that reads from in and writes to out.
func NewConn(in io.Reader, out io.Writer) *Conn {
	c := &Conn{in: gob.NewDecoder(in)}
	c.mu.out = gob.NewEncoder(out)
	return c
}

// Job reads what to play. It must be called first.
func (c *Conn) Job() (j Job, err error) {
	if err := c.in.Decode(&j); err != nil {
		return j, fmt.Errorf("read what to play: %w", err)
	}
	return j, nil
}

// Epoch waits, after Ready was sent, for the moment at which the run begins.
func (c *Conn) Epoch() (time.Time, error) {
	var o order
	if err := c.in.Decode(&o); err != nil {
		return time.Time{}, fmt.Errorf("wait for the start: %w", err)
	}
	now := time.Now()
	return now.Add(time.Unix(0, o.Epoch).Sub(now)), nil // with the monotonic clock, unlike time.Unix
}

// Wait passes on for whom a rule was broken, until the coordinator closes the connection: the
// run is to end early, or the coordinator has exited.
func (c *Conn) Wait(wronged func(ids []string)) {
	for {
		var o order
		if c.in.Decode(&o) != nil {
			return
		}
		wronged(o.Wronged)
	}
}

// Send sends a message. Safe for concurrent use.
func (c *Conn) Send(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mu.out.Encode(m); err != nil {
		return fmt.Errorf("send to the coordinator: %w", err)
	}
	return nil
}
