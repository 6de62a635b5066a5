package worker

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/interrupt"
	"guestload/loadgen/limits"
	"guestload/loadgen/run"
	"guestload/loadgen/target"
	"guestload/results"
	"guestload/results/series"
)

// Argument is the first argument with which loadgen becomes a worker.
const Argument = "play-share"

// callsEvery is how often a worker sends what its guests were told, to be judged together.
const callsEvery = 200 * time.Millisecond

// Run is the worker: it reads its job and the start from stdin, writes messages to stdout and
// returns the exit code. The run ends early when stdin ends.
func Run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := play(ctx, NewConn(stdin, stdout)); err != nil {
		fmt.Fprintf(stderr, "loadgen: %v\n", err)
		return results.ExitCouldNotRun
	}
	return results.ExitPassed
}

func play(ctx context.Context, conn *Conn) error {
	job, err := conn.Job()
	if err != nil {
		return err
	}
	s, share := job.Scenario, executor.ShareOf(&job.Part)
	machine, err := limits.Measure(share.Of(limits.PeakLive(s)), job.Conns)
	if err != nil {
		return err
	}
	machine.Conns = max(1, machine.Conns/job.Part.Of)
	t, err := target.Connect(ctx, target.Config{Transport: job.Transport, Access: job.Access, Conns: machine.Conns, Share: share}, s, job.Targets)
	if err != nil {
		return err
	}
	defer t.Close(ctx)
	plan := run.Plan{
		Config:   run.Config{Without: job.Without, Part: &job.Part, Machine: machine},
		Scenario: s, Title: s.Name, Worker: true, Environment: run.Environment(ctx, t),
	}
	if err := conn.Send(Message{Ready: true}); err != nil {
		return err
	}
	if plan.Started, err = conn.Epoch(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ctx, over := interrupt.WithCleanup(ctx, nil)
	defer over()
	sent := 0 // seconds
	plan.Tick = func(seconds []series.Second, now executor.Tally, notice string) {
		conn.Send(Message{Seconds: seconds, Now: now, Notice: notice})
		sent += len(seconds)
	}
	r := run.New(plan, t, run.NoDisplay())
	go func() { // ends with the connection, which is the process's own
		conn.Wait(r.Verifier().Wrong)
		stop()
	}()
	result, err := playSending(ctx, conn, r, plan.Started)
	if err != nil {
		return err
	}
	end := End{Record: result.Record, Invalid: result.Doubts, Late: result.Late}
	return conn.Send(Message{Seconds: result.Seconds[sent:], Now: result.Last, End: &end})
}

// playSending plays the run and sends meanwhile what its guests were told. Guests never wait
// for that.
func playSending(ctx context.Context, conn *Conn, r *run.Run, epoch time.Time) (run.Result, error) {
	send := func() {
		until := time.Since(epoch)
		conn.Send(Message{Until: until, Lag: r.Verifier().Lag(), Calls: r.Tap().Take()}) // if it fails, the parent has closed stdin, too
	}
	var sending sync.WaitGroup
	over := make(chan struct{})
	sending.Go(func() {
		again := time.NewTicker(callsEvery)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				send()
			case <-over:
				return
			}
		}
	})
	result, err := r.Play(ctx)
	close(over)
	sending.Wait()
	if err == nil {
		send()
	}
	return result, err
}
