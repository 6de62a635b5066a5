package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// windDown is how long after an interrupt anything but this machine is waited for:
// guests on their way out, statistics, servers that drain.
const windDown = 500 * time.Millisecond

// hurryKey is where a context keeps hurry's.
type hurryKey struct{}

// withHurry adds the end of patience to a run's context: windDown after ctx has
// ended, or sooner when at once is closed.
func withHurry(ctx context.Context, atOnce <-chan struct{}) (context.Context, context.CancelFunc) {
	over, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer stop()
		select {
		case <-ctx.Done():
		case <-over.Done():
			return
		}
		late := time.NewTimer(windDown)
		defer late.Stop()
		select {
		case <-late.C:
		case <-atOnce:
		case <-over.Done():
		}
	}()
	return context.WithValue(ctx, hurryKey{}, over), stop
}

// hurry is the context of what comes after a run's last guest: it outlives an
// interrupt by windDown at most, and a second interrupt not at all. Where withHurry has
// added none, it does not end.
func hurry(ctx context.Context) context.Context {
	if over, ok := ctx.Value(hurryKey{}).(context.Context); ok {
		return over
	}
	return context.WithoutCancel(ctx)
}

// interruptible returns a context that ends with the first Ctrl-C, SIGTERM, or SIGHUP
// of a terminal that is closed; the second makes hurry, and the third ends the program.
// An output that is a pipe without a reader, a file past its limit or a terminal
// that belongs to somebody else gives errors, and no signal ends or stops the program
// for it: the result of a run is worth more.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(brokenOutput...)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, interrupt := context.WithCancel(ctx)
	atOnce := make(chan struct{})
	go func() {
		<-signals
		interrupt()
		for s := range signals {
			if s != syscall.SIGHUP { // it comes from the shell, and from the system too
				break
			}
		}
		close(atOnce)
		signal.Reset(os.Interrupt, syscall.SIGTERM)
	}()
	ctx, stop := withHurry(ctx, atOnce)
	return ctx, func() { stop(); interrupt() }
}
