package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// player plays one guest.
type player struct {
	world   *World
	guest   Guest
	script  *scenarios.Script
	random  random  // of what the script leaves open
	words   *random // of what is said; nil before anything was: see vocabulary
	witness *verify.Witness

	self          Identity
	traits        traits
	traitsUnknown bool // the server may have other traits: it did not confirm a change
	conn          Conn // nil while not connected

	instance []byte // of the server, that the connection is to; empty if it is not named

	cause   time.Duration // when the last step was done, which the next one follows
	cookies Cookies
	sending Sending // of the last request
	failed  bool    // a step has failed
	shut    bool    // the server has rightly closed the connection: only reconnect can follow
	held    bool    // a connection was made that was not cut off
	meeting

	listens  time.Duration // messages due before then, while the guest was deaf, are no samples
	provoked provoked
}

// provoked is how the server reacts to a request that it must refuse.
type provoked struct {
	complaint string // message of a chat:error that belongs to none of the guest's messages
	on        bool
	taken     bool // another message was acknowledged
}

// Errors that end a script early.
var (
	errStopped   = errors.New("the run is over")
	errUnmatched = errors.New("no partner found")
	errGivenUp   = errors.New("the guest cannot go on") // after a failure that was counted
	errCutOff    = errors.New("the guest's instance was killed")
	errStaysAway = errors.New("the guest does not return")
)

func newPlayer(w *World, g Guest) *player {
	p := &player{
		world: w, guest: g, cause: g.Intended,
		witness: w.Verifier.Witness(g.Index),
	}
	p.startStep(0)
	p.script = w.script(&p.random)
	p.traits = drawTraits(&p.random, p.script.Profile)
	return p
}

// startStep starts the stream of random numbers of the n-th step.
func (p *player) startStep(n int) { p.random.startStep(p.world.Seed, p.guest.Index, n) }

func (p *player) now() time.Duration { return p.world.Clock.Now() }

func (p *player) play(ctx context.Context) Fate {
	defer p.world.gone.Add(1)
	note(&p.world.work.played[p.world.number(p.script)])
	err := p.steps(ctx)
	if errors.Is(err, errStaysAway) {
		err = nil
	}
	unmatched := errors.Is(err, errUnmatched)
	if p.conn != nil && (err == nil || unmatched) {
		if e := p.drop(ctx, scenarios.Clean, p.cause); e != nil {
			err = e
		}
	}
	p.cut(verify.Reset, Abrupt)
	switch {
	case errors.Is(err, errStopped):
		return Stopped
	case p.failed:
		return Failed
	case unmatched:
		return Unmatched
	}
	return Completed
}

func (p *player) steps(ctx context.Context) error {
	for i := range p.script.Steps {
		step := &p.script.Steps[i]
		if p.world.Without[step.Kind] || p.shut && step.Kind != scenarios.Reconnect {
			continue
		}
		p.startStep(i + 1)
		err := p.thinkAndStep(ctx, step, i == 0)
		for errors.Is(err, errCutOff) {
			err = p.comeBack(ctx, step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *player) thinkAndStep(ctx context.Context, step *scenarios.Step, first bool) error {
	intended := p.cause
	if !first && step.Kind != scenarios.Chat { // a chat thinks before each message
		intended += step.Think.Duration(&p.random.Rand)
		if err := p.pause(ctx, intended); err != nil {
			return p.lost(ctx, err)
		}
	}
	return p.step(ctx, step, intended)
}

func (p *player) step(ctx context.Context, s *scenarios.Step, intended time.Duration) error {
	switch s.Kind {
	case scenarios.Create:
		return p.create(ctx, s.Within, intended, p.feed(scenarios.FeedUsername, 0))
	case scenarios.Rename:
		err := p.create(ctx, s.Within, intended, p.newName())
		if err == nil {
			note(&p.world.work.renamed)
		}
		return err
	case scenarios.Fetch:
		return p.fetch(ctx, s.Within, intended)
	case scenarios.Locate:
		return p.locate(ctx, s.Within)
	case scenarios.Online:
		return p.ask(ctx, operation.Online, "/api/users/online", s.Within, intended)
	case scenarios.Stats:
		return p.ask(ctx, operation.Stats, "/api/users/stats", s.Within, intended)
	case scenarios.Renew:
		return p.renew(ctx, s.Within, intended)
	case scenarios.Connect:
		return p.connect(ctx, operation.Connect, s.Within, intended)
	case scenarios.Reconnect:
		return p.reconnect(ctx, s.Within, intended)
	case scenarios.Search:
		return p.search(ctx, s, intended)
	case scenarios.Next:
		return p.next(ctx, s, intended)
	case scenarios.Chat:
		return p.chat(ctx, s)
	case scenarios.Idle:
		return p.stay(ctx, p.cause+s.For.Duration(&p.random.Rand))
	case scenarios.Wait:
		return p.stay(ctx, max(p.cause, p.released(s)))
	case scenarios.Deaf:
		return p.deaf(ctx, p.cause+s.For.Duration(&p.random.Rand))
	case scenarios.Hostile:
		return p.hostile(ctx, s, intended)
	case scenarios.Speak:
		return p.speak(ctx, s, intended)
	case scenarios.Drop:
		return p.drop(ctx, s.How, intended)
	}
	p.noteFailure(string(s.Kind), p.now(), fmt.Errorf("%w: no such step", ErrProtocol))
	return errGivenUp
}

// stay waits until then, and receives events.
func (p *player) stay(ctx context.Context, until time.Duration) error {
	if err := p.pause(ctx, until); err != nil {
		return p.lost(ctx, err)
	}
	p.cause = until
	return nil
}

// released is when the guest's wait ends.
func (p *player) released(s *scenarios.Step) time.Duration {
	if s.At == 0 {
		return s.Until
	}
	return s.Until + seconds(float64(p.guest.Index)/s.At)
}

// pause waits until then. A connected guest receives events meanwhile.
func (p *player) pause(ctx context.Context, until time.Duration) error {
	if p.conn == nil {
		return p.sleep(ctx, until)
	}
	for p.now() < until {
		if err := p.hear(until); err != nil && !errors.Is(err, ErrTimeout) {
			return err
		}
	}
	return nil
}

func (p *player) sleep(ctx context.Context, until time.Duration) error {
	wait := until - p.now()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errStopped
	}
}

// success counts one sample, which the next step follows.
func (p *player) success(op operation.Op, intended, sent, done time.Duration) {
	p.guest.Recorder.Success(measure.Sample{Op: op, Intended: intended, Sent: sent, Done: done})
	p.cause = done
}

// failure counts one failure, with its wait since sent. After the end of the run nothing
// counts as a failure: the guest has been stopped.
func (p *player) failure(ctx context.Context, op operation.Op, sent time.Duration, err error) error {
	if ctx.Err() != nil {
		return errStopped
	}
	if errors.Is(err, ErrInstanceGone) && p.cutOffNow() {
		return errCutOff
	}
	now := p.now()
	p.guest.Recorder.Failure(op, Kind(err), now-sent, now)
	p.noteFailure(op.String(), now, err)
	return errGivenUp
}

// noteFailure notes a failure that is not measured, or is counted already.
func (p *player) noteFailure(what string, at time.Duration, err error) {
	p.failed = true
	if p.world.Failed != nil {
		p.world.Failed(what, err)
	}
	p.world.failures.add(what, Kind(err), p.guest.Index, at, absent(what, err))
}

// lost ends the script after the connection broke while no answer was due: that is a
// failure of the connection.
func (p *player) lost(ctx context.Context, err error) error {
	if errors.Is(err, errStopped) {
		return errStopped
	}
	return p.failure(ctx, operation.Connect, p.now(), err)
}

// cut ends the connection, if there is one.
func (p *player) cut(how verify.Drop, ending Ending) error {
	if p.conn == nil {
		return nil
	}
	p.witness.Dropping(p.now(), how)
	err := p.conn.Close(ending)
	p.conn = nil
	p.meeting.end()
	return err
}
