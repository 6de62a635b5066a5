package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"guestload/loadgen/crew"
	"guestload/loadgen/executor"
	"guestload/loadgen/report"
	"guestload/loadgen/verify"
	"guestload/results"
)

// playShare is the first argument with which the program plays a share of a run
// for the process that started it.
const playShare = "play-share"

// handOver is how often a process hands over what its guests were told, for all to
// be judged together.
const handOver = 200 * time.Millisecond

// runShare plays a share of a run: which, and when, is said on stdin, and how it
// goes is told on stdout. It ends early when stdin does.
func runShare(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := share(ctx, crew.NewLine(stdin, stdout)); err != nil {
		fmt.Fprintf(stderr, "loadgen: %v\n", err)
		return results.ExitCouldNotRun
	}
	return results.ExitPassed
}

func share(ctx context.Context, line *crew.Line) error {
	job, err := line.Job()
	if err != nil {
		return err
	}
	s := job.Scenario
	machine, err := measureMachine(within(shareOf(&job.Part), peakLive(s)), job.Conns)
	if err != nil {
		return err
	}
	machine.conns = max(1, machine.conns/job.Part.Of)
	o := options{transport: job.Transport, without: job.Without, access: job.Access, part: &job.Part, crew: true}
	t := &target{paths: s.Wire.Paths, storage: results.Unknown}
	defer t.close(ctx)
	if err := t.connect(ctx, o, s, machine, job.Targets); err != nil {
		return err
	}
	here := results.Here(ctx)
	if err := line.Say(crew.Word{Ready: true}); err != nil {
		return err
	}
	epoch, err := line.Epoch()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ctx, over := withHurry(ctx, nil)
	defer over()
	p := newPerformance(o, s, t, machine, report.NewLive(io.Discard, report.Terminal{}), epoch)
	p.surroundings(here)
	go func() { // ends with its line, which is the process's own
		line.Wait(p.verifier.Wrong)
		stop()
	}()
	p.teller = &teller{line: line, clock: p.plan.Clock.Now, tap: p.tap, verifier: p.verifier}
	return p.teller.tell(ctx, p)
}

// teller tells how a share goes. Guests never wait for it.
type teller struct {
	line     *crew.Line
	clock    func() time.Duration
	tap      *verify.Tap
	verifier *verify.Verifier
	told     int // seconds
	invalid  []string
}

// tell plays the share and tells of it.
func (l *teller) tell(ctx context.Context, p *performance) error {
	var handing sync.WaitGroup
	over := make(chan struct{})
	handing.Go(func() {
		again := time.NewTicker(handOver)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				l.handOver()
			case <-over:
				return
			}
		}
	})
	run, err := p.perform(ctx)
	close(over)
	handing.Wait()
	if err != nil {
		return err
	}
	l.handOver()
	end := crew.End{Record: run.Record, Invalid: l.invalid, Late: p.slow}
	return l.line.Say(crew.Word{Seconds: said(run.Seconds[l.told:]), Now: p.tape.last, End: &end})
}

// handOver hands over what guests were told until now.
func (l *teller) handOver() {
	until := l.clock()
	l.line.Say(crew.Word{Until: until, Lag: l.verifier.Lag(), Calls: l.tap.Take()}) // who does not listen has ended the line, too
}

// tick tells of the seconds of the tape that are new.
func (l *teller) tick(t *tape, now executor.Tally, notice string) {
	if l == nil {
		return
	}
	l.line.Say(crew.Word{Seconds: said(t.seconds[l.told:]), Now: now, Notice: notice})
	l.told = len(t.seconds)
}

func said(seconds []results.Second) []crew.Second {
	all := make([]crew.Second, len(seconds))
	for i, s := range seconds {
		all[i] = crew.Say(s)
	}
	return all
}

// doubt keeps why the share is not to be believed, before the verdict adds what
// only the whole run can say.
func (l *teller) doubt(invalid []string) {
	if l != nil {
		l.invalid = slices.Clone(invalid)
	}
}
