package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"guestload/loadgen/crew"
	"guestload/results"
)

// engage starts the processes.
func (e *ensemble) engage(o options) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("processes to play in: %w", err)
	}
	s := e.scenario
	var pids []int
	for i := range s.Processes {
		part := results.Part{Run: s.Name, Share: i + 1, Of: s.Processes}
		m, err := crew.Start([]string{exe, playShare}, crew.Job{
			Scenario: s, Part: part, Targets: e.target.urls, Transport: o.transport, Without: o.without, Conns: o.conns, Access: o.access,
		})
		if err != nil {
			return err
		}
		e.members, pids = append(e.members, &member{Member: m, part: part}), append(pids, m.PID())
	}
	e.gauges = newGauges(e.target.sources(pids...)...)
	return nil
}

// dismiss ends processes that have not ended yet, and lets those who listen see it.
func (e *ensemble) dismiss() {
	e.kill()
	for e.left() > 0 {
		e.hear(<-e.said)
	}
}

func (e *ensemble) kill() {
	for _, m := range e.members {
		m.Kill()
	}
}

// left is how many processes there is still something to be heard of.
func (e *ensemble) left() (n int) {
	for _, m := range e.members {
		if !m.over {
			n++
		}
	}
	return n
}

// listen passes on what a process says, until it has ended.
func (e *ensemble) listen(i int, m *member) {
	for {
		w, err := m.Next()
		e.said <- saying{i, w, err}
		if err != nil {
			return
		}
	}
}

// ready waits until every process is.
func (e *ensemble) ready(ctx context.Context) error {
	late := time.NewTimer(silence)
	defer late.Stop()
	for range e.members {
		select {
		case s := <-e.said:
			if m := e.members[s.from]; s.err != nil {
				m.over = true
				m.Wait()
				return fmt.Errorf("process %d of %d did not start: %s", m.part.Share, m.part.Of, m.LastWords())
			}
		case <-ctx.Done():
			return fmt.Errorf("interrupted before the run began: %w", ctx.Err())
		case <-late.C:
			return fmt.Errorf("after %v not all of %d processes were ready", silence, len(e.members))
		}
	}
	return nil
}
