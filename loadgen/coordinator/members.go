package coordinator

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/worker"
	"guestload/results"
)

// start starts the workers.
func (c *coordinator) start(command []string) error {
	s := c.plan.Scenario
	for i := range s.Processes {
		part := results.Part{Run: s.Name, Share: i + 1, Of: s.Processes}
		p, err := worker.Start(command, worker.Job{
			Scenario: s, Part: part, Targets: c.target.URLs(), Transport: c.target.Transport(), Without: c.plan.Without,
			Conns: c.plan.Machine.Asked, Access: c.plan.Target.Access,
		})
		if err != nil {
			return err
		}
		c.members = append(c.members, &member{Process: p, part: part})
	}
	return nil
}

// receive passes on the messages of a worker, until it has ended.
func (c *coordinator) receive(i int, m *member) {
	for {
		msg, err := m.Next()
		c.messages <- message{i, msg, err}
		if err != nil {
			return
		}
	}
}

// ready waits until every worker is ready.
func (c *coordinator) ready(ctx context.Context) error {
	late := time.NewTimer(silenceTime)
	defer late.Stop()
	for range c.members {
		select {
		case msg := <-c.messages:
			if m := c.members[msg.from]; msg.err != nil {
				m.over = true
				m.Wait()
				return fmt.Errorf("process %d of %d did not start: %s", m.part.Share, m.part.Of, m.State())
			}
		case <-ctx.Done():
			return fmt.Errorf("interrupted before the run began: %w", ctx.Err())
		case <-late.C:
			return fmt.Errorf("after %v not all of %d processes were ready", silenceTime, len(c.members))
		}
	}
	return nil
}

// left is how many workers have not ended.
func (c *coordinator) left() (n int) {
	for _, m := range c.members {
		if !m.over {
			n++
		}
	}
	return n
}

// killSilent kills workers that have sent nothing for longer than this; their ends follow.
func (c *coordinator) killSilent(longer time.Duration) {
	for _, m := range c.members {
		if !m.over && !m.silent && time.Since(m.last) > longer {
			m.silent = true
			m.Kill()
		}
	}
}

// dismiss kills workers that have not ended yet, and handles their ends.
func (c *coordinator) dismiss() {
	for _, m := range c.members {
		m.Kill()
	}
	for c.left() > 0 {
		c.handle(<-c.messages)
	}
}
