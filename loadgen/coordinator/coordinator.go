// Package coordinator plays one run in several worker processes: it starts them, collects what
// they send, judges all guests together, and makes one record.
package coordinator

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/interrupt"
	"guestload/loadgen/measure"
	"guestload/loadgen/report/page"
	"guestload/loadgen/run"
	"guestload/loadgen/target"
	"guestload/loadgen/usage"
	"guestload/loadgen/verify"
	"guestload/loadgen/worker"
	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
)

const (
	// startDelay is how long after the last worker is ready the run begins: each has to be
	// told before.
	startDelay = 250 * time.Millisecond
	// silenceTime is how long a worker may send nothing: one that plays sends five times a
	// second.
	silenceTime = 30 * time.Second
	// endTime is how long workers may take to end after the run has failed. After an interrupt
	// they have as long as the cleanup.
	endTime = 5 * time.Second
)

// coordinator is a run that several workers play.
type coordinator struct {
	plan     run.Plan
	display  *run.Display
	target   *target.Target
	verifier *verify.Verifier
	replay   *verify.Replay
	meter    *measure.Meter
	observer *run.Observer // nil before the start, as progress
	progress *run.Progress

	members     []*member
	messages    chan message
	wronged     []string    // guests of whom the workers have not been told
	received    results.Run // seconds so far
	next        int         // second to be published
	noticed     bool        // a worker has said what is wrong with the target
	interrupted bool
}

// member is one of the workers, and what it has sent.
type member struct {
	*worker.Process
	part    results.Part
	seconds []series.Second
	now     executor.Tally
	end     *worker.End // nil: it has not ended its share
	over    bool        // the process has ended
	last    time.Time   // of its messages
	silent  bool        // it was killed because it sent nothing
	garbled error       // why it was killed for what it sent
}

// message is one of the from-th worker; err is its end.
type message struct {
	from int
	worker.Message
	err error
}

// Run plays one run in as many workers as the scenario says, which are started with the
// command, and returns its page.
func Run(ctx context.Context, c run.Config, d *run.Display, command []string, s scenarios.Scenario, journal *results.Journal) (page.Page, error) {
	t, err := target.Open(ctx, c.TargetConfig(), s, journal.Dir())
	if err != nil {
		return page.Page{}, err
	}
	defer t.Close(ctx)
	verifier := verify.New(verify.Contract().Over(t.Transport()))
	co := &coordinator{
		plan: run.NewPlan(ctx, c, d, t, s, s.Name), display: d, target: t, meter: measure.NewMeter(),
		verifier: verifier, replay: verify.NewReplay(verifier, s.Processes), messages: make(chan message),
	}
	var receiving sync.WaitGroup
	defer receiving.Wait()
	defer co.dismiss()
	err = co.start(command)
	for i, m := range co.members {
		receiving.Go(func() { co.receive(i, m) })
	}
	if err != nil {
		return page.Page{}, err
	}
	if err := co.ready(ctx); err != nil {
		return page.Page{}, err
	}
	if err := co.begin(journal); err != nil {
		return page.Page{}, err
	}
	whole, err := co.play(ctx)
	if err != nil {
		return page.Page{}, err
	}
	return page.Page{Run: whole, Scenario: s.Source, Usage: co.progress.Timeline().Usage()}, nil
}

// begin opens the journal and tells all workers when the run begins.
func (c *coordinator) begin(journal *results.Journal) error {
	c.plan.Started = time.Now().Add(startDelay)
	var pids []int
	for _, m := range c.members {
		pids = append(pids, m.PID())
	}
	s, sampler := c.plan.Scenario, usage.NewSampler(run.Sources(c.target, pids...)...)
	c.observer = run.NewObserver(c.target, s.Faults, c.plan.Clock(), c.verifier, false, sampler)
	c.progress = run.NewProgress(c.display, s, s.Name, executor.Share{}, c.plan.Clock(), c.observer, func() int { return 0 })
	if err := c.progress.Begin(c.plan.Start(), journal); err != nil {
		return err
	}
	for _, m := range c.members {
		m.last = c.plan.Started
		m.Begin(c.plan.Started) // if the send fails the process has exited; receive reports it
	}
	return nil
}

// play follows the run until all shares are over, and concludes.
func (c *coordinator) play(ctx context.Context) (results.Run, error) {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { c.observer.Watch(watching) })
	wronged := make(chan []string)
	watch.Go(func() { c.forward(wronged) })
	c.follow(ctx, wronged)
	close(wronged)
	end, health := c.plan.Clock().Now(), c.meter.Health()
	stop()
	watch.Wait()
	return c.conclude(interrupt.Cleanup(ctx), end, health)
}

// forward tells all workers of guests for whom a rule was broken: only this process knows what
// they wait for in vain. A worker that hangs delays the others, until it is killed for that.
func (c *coordinator) forward(wronged <-chan []string) {
	for ids := range wronged {
		for _, m := range c.members {
			m.Wronged(ids) // if the send fails the process has exited; receive reports it
		}
	}
}

// follow handles messages until all workers have ended. One that ends before its share does
// ends the run for the others too: its result would be wrong. What each has sent is kept.
func (c *coordinator) follow(ctx context.Context, wronged chan<- []string) {
	stopped := ctx.Done()
	var cleanedUp <-chan struct{}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var late <-chan time.Time
	leave := func() {
		stopped = nil
		if late == nil {
			late = time.After(endTime)
		}
		for _, m := range c.members {
			m.Leave()
		}
	}
	for c.left() > 0 {
		c.wronged = append(c.wronged, c.verifier.Wronged()...)
		to := wronged
		if len(c.wronged) == 0 {
			to = nil
		}
		select {
		case to <- c.wronged:
			c.wronged = nil
		case m := <-c.messages:
			c.handle(m)
			if from := c.members[m.from]; from.over && from.end == nil && late == nil {
				leave()
			}
		case <-stopped:
			c.interrupted, cleanedUp = true, interrupt.Cleanup(ctx).Done()
			leave()
		case <-cleanedUp:
			cleanedUp = nil
			c.killSilent(0)
		case <-look.C:
			c.killSilent(silenceTime)
		case <-late:
			c.killSilent(0)
		}
	}
}

// handle handles a message, or the end of a worker. One that sends what cannot be understood
// is killed; its end follows.
func (c *coordinator) handle(msg message) {
	m := c.members[msg.from]
	m.last = time.Now()
	err := msg.err
	switch {
	case err == nil && m.garbled == nil:
		err = c.take(msg.from, msg.Message)
	case err != nil && (m.silent || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrClosed)):
		err = nil
	}
	if err != nil && m.garbled == nil {
		m.garbled, m.end = err, nil
		m.Kill()
	}
	if msg.err != nil {
		m.over = true
		m.Wait()
		c.replay.End(msg.from)
		c.publish()
	}
}

// take takes in a message of the i-th worker.
func (c *coordinator) take(i int, msg worker.Message) error {
	m := c.members[i]
	if msg.Notice != "" && !c.noticed {
		c.noticed = true // the others will say the same
		c.display.Notice(c.plan.Clock().Now(), msg.Notice)
	}
	c.verifier.Lagged(msg.Lag)
	if err := c.replay.Add(i, msg.Calls, msg.Until); err != nil {
		return err
	}
	m.seconds = append(m.seconds, msg.Seconds...)
	if len(msg.Seconds) > 0 {
		m.now = msg.Now
		c.received.AddSeconds(slices.Clone(m.seconds[len(m.seconds)-len(msg.Seconds):]), 0)
		c.publish()
	}
	if msg.End != nil {
		r, s := msg.End.Record, c.plan.Scenario
		if r.Part == nil || *r.Part != m.part || r.Scenario != s.Name || r.ScenarioHash != s.Hash || r.Seed != s.Seed {
			return errors.New("its record is that of another run")
		}
		m.end = msg.End
	}
	return nil
}

// publish stores and shows the seconds that every worker has sent.
func (c *coordinator) publish() {
	whole := len(c.received.Seconds)
	for _, m := range c.members {
		if !m.over {
			whole = min(whole, len(m.seconds))
		}
	}
	if whole <= c.next {
		return
	}
	before := c.progress.Timeline().Append(c.received.Seconds[c.next:whole])
	c.next = whole
	c.progress.Publish(time.Duration(whole)*time.Second, c.tally(), before)
}

// tally is that of all workers together.
func (c *coordinator) tally() (all executor.Tally) {
	for _, m := range c.members {
		t := m.now
		all.Arrived, all.Dropped, all.Live = all.Arrived+t.Arrived, all.Dropped+t.Dropped, all.Live+t.Live
		all.Completed, all.Failed, all.Unmatched = all.Completed+t.Completed, all.Failed+t.Failed, all.Unmatched+t.Unmatched
		all.Unfinished, all.Stopped = all.Unfinished+t.Unfinished, all.Stopped+t.Stopped
		all.Phase = max(all.Phase, t.Phase)
	}
	return all
}
