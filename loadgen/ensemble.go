package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"guestload/loadgen/crew"
	"guestload/loadgen/executor"
	"guestload/loadgen/report/page"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

const (
	// together is how long after the last process is ready the run begins: each has
	// to hear of it before.
	together = 250 * time.Millisecond
	// silence is how long a process may say nothing: one that plays does so five
	// times a second.
	silence = 30 * time.Second
	// lastWord is how long processes may take to end whose run has failed. After an
	// interrupt they have as long as hurry.
	lastWord = 5 * time.Second
)

// ensemble is a run that several processes play, each its share. The performance
// has what they say together: it plays nobody itself.
type ensemble struct {
	*performance
	members []*member
	replay  *verify.Replay
	said    chan saying
	wronged []string    // guests, whose processes have not been told
	heard   results.Run // seconds so far
	next    int         // second to be shown
	noticed bool        // a process has said what is wrong with the target
	cut     bool        // by an interrupt
}

// member is one of the processes, and what it has said.
type member struct {
	*crew.Member
	part    results.Part
	seconds []results.Second
	now     executor.Tally
	end     *crew.End // nil: it has not ended its share
	over    bool      // nothing more comes
	last    time.Time // when something came
	silent  bool      // it was ended because nothing did
	garbled error     // it was ended because of what it said
}

// saying is a word of the i-th process; err is its end.
type saying struct {
	from int
	word crew.Word
	err  error
}

// together plays one run in several processes.
func (st *stage) together(ctx context.Context, s scenarios.Scenario, journal *results.Journal) (page.Page, error) {
	t, err := openTarget(ctx, st.options, s, st.machine, journal.Dir())
	if err != nil {
		return page.Page{}, err
	}
	defer t.close(ctx)
	o := st.options
	e := &ensemble{performance: newPerformance(o, s, t, st.machine, st.live, time.Now()), said: make(chan saying)}
	e.surroundings(results.Here(ctx))
	e.replay = verify.NewReplay(e.verifier, s.Processes)
	st.warn(e.performance, demandOf(s, t, executor.Share{}), 0)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer e.dismiss()
	err = e.engage(o)
	for i, m := range e.members {
		listening.Go(func() { e.listen(i, m) })
	}
	if err != nil {
		return page.Page{}, err
	}
	if err := e.ready(ctx); err != nil {
		return page.Page{}, err
	}
	if st.audience, err = st.audience.invite(st.options, e.performance, st.stderr); err != nil {
		return page.Page{}, err
	}
	e.audience = st.audience
	e.notices = st.notices()
	if err := e.play(ctx, journal); err != nil {
		return page.Page{}, err
	}
	return e.page(), nil
}

// play begins the run and hears of it until all shares are over, and concludes.
func (e *ensemble) play(ctx context.Context, journal *results.Journal) error {
	epoch := time.Now().Add(together)
	e.plan.Clock = session.Clock{Epoch: epoch}
	e.run.Record.Started = epoch.UTC()
	if err := e.begin(journal); err != nil {
		return err
	}
	e.blows = newBlows(e.target, e.plan.Clock, e.verifier)
	for _, m := range e.members {
		m.last = epoch
		m.Begin(epoch) // who does not hear it has ended, which is heard
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { e.gauges.watch(watching) })
	watch.Go(func() { e.storage.watch(watching) })
	telling := make(chan []string)
	watch.Go(func() { e.tellWronged(telling) })
	e.follow(ctx, telling)
	close(telling)
	end := e.plan.Clock.Now()
	e.health = e.meter.Health()
	stop()
	watch.Wait()
	return e.conclude(hurry(ctx), end)
}

// tellWronged tells all processes of guests for whom a rule was broken: what they
// wait for in vain is known here alone. A process that hangs delays the others,
// until it is ended for that.
func (e *ensemble) tellWronged(telling <-chan []string) {
	for ids := range telling {
		for _, m := range e.members {
			m.Wronged(ids) // who does not hear it has ended, which is heard
		}
	}
}

// follow hears the processes until none is left. One that ends before its share
// does takes the others with it: the run says nothing any more. What each has said
// is kept.
func (e *ensemble) follow(ctx context.Context, telling chan<- []string) {
	stopped := ctx.Done()
	var hurried <-chan struct{}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var late <-chan time.Time
	leave := func() {
		stopped = nil
		if late == nil {
			late = time.After(lastWord)
		}
		for _, m := range e.members {
			m.Leave()
		}
	}
	for e.left() > 0 {
		e.wronged = append(e.wronged, e.verifier.Wronged()...)
		tell := telling
		if len(e.wronged) == 0 {
			tell = nil
		}
		select {
		case tell <- e.wronged:
			e.wronged = nil
		case s := <-e.said:
			e.hear(s)
			if m := e.members[s.from]; m.over && m.end == nil && late == nil {
				leave()
			}
		case <-stopped:
			e.cut, hurried = true, hurry(ctx).Done()
			leave()
		case <-hurried:
			hurried = nil
			e.wake(0)
		case <-look.C:
			e.wake(silence)
		case <-late:
			e.wake(0)
		}
	}
}

// wake ends processes that have said nothing for longer than that, such as one that
// hangs. Its end is then heard.
func (e *ensemble) wake(most time.Duration) {
	for _, m := range e.members {
		if !m.over && !m.silent && time.Since(m.last) > most {
			m.silent = true
			m.Kill()
		}
	}
}

// hear takes in a word, or the end of a process. One that says what cannot be
// understood is ended, and its end is then heard.
func (e *ensemble) hear(s saying) {
	m := e.members[s.from]
	m.last = time.Now()
	err := s.err
	switch {
	case err == nil && m.garbled == nil:
		err = e.take(s.from, s.word)
	case err != nil && (m.silent || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrClosed)):
		err = nil
	}
	if err != nil && m.garbled == nil {
		m.garbled, m.end = err, nil
		m.Kill()
	}
	if s.err != nil {
		m.over = true
		m.Wait()
		e.replay.End(s.from)
		e.show()
	}
}

// take takes in a word of the i-th process.
func (e *ensemble) take(i int, w crew.Word) error {
	m := e.members[i]
	if w.Notice != "" && !e.noticed {
		e.noticed = true // the others will say the same
		announce(e.live, e.notices, e.plan.Clock.Now(), w.Notice)
	}
	e.verifier.Lagged(w.Lag)
	if err := e.replay.Add(i, w.Calls, w.Until); err != nil {
		return err
	}
	for _, said := range w.Seconds {
		second, err := said.Heard()
		if err != nil {
			return err
		}
		m.seconds = append(m.seconds, second)
	}
	if len(w.Seconds) > 0 {
		m.now = w.Now
		e.heard.AddSeconds(slices.Clone(m.seconds[len(m.seconds)-len(w.Seconds):]), 0)
		e.show()
	}
	if w.End != nil {
		r := w.End.Record
		if r.Part == nil || *r.Part != m.part || r.Scenario != e.scenario.Name || r.ScenarioHash != e.scenario.Hash || r.Seed != e.scenario.Seed {
			return errors.New("its record is that of another run")
		}
		m.end = w.End
	}
	return nil
}

// show shows the seconds that every process has told of.
func (e *ensemble) show() {
	whole := len(e.heard.Seconds)
	for _, m := range e.members {
		if !m.over {
			whole = min(whole, len(m.seconds))
		}
	}
	if whole <= e.next {
		return
	}
	before := len(e.tape.seconds)
	e.tape.join(e.heard.Seconds[e.next:whole])
	e.next = whole
	e.tape.spent(e.gauges.take())
	now := e.tally()
	e.note(now, before)
	e.performance.show(time.Duration(whole)*time.Second, now, before)
}

// tally is that of all processes.
func (e *ensemble) tally() (all executor.Tally) {
	for _, m := range e.members {
		t := m.now
		all.Arrived, all.Dropped, all.Live = all.Arrived+t.Arrived, all.Dropped+t.Dropped, all.Live+t.Live
		all.Completed, all.Failed, all.Unmatched = all.Completed+t.Completed, all.Failed+t.Failed, all.Unmatched+t.Unmatched
		all.Unfinished, all.Stopped = all.Unfinished+t.Unfinished, all.Stopped+t.Stopped
		all.Phase = max(all.Phase, t.Phase)
	}
	return all
}
