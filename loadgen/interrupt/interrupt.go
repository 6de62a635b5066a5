// Package interrupt turns signals into the end of a context, and bounds the cleanup that
// follows it.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// CleanupTime is how long after an interrupt a run may still wait for anything but this
// machine: guests on their way out, statistics, servers that drain.
const CleanupTime = 500 * time.Millisecond

// cleanupKey is the key of the cleanup context in a run's context.
type cleanupKey struct{}

// WithCleanup adds a cleanup context to ctx. It ends CleanupTime after ctx has ended, or
// sooner when atOnce is closed. A context that has one already is returned unchanged.
func WithCleanup(ctx context.Context, atOnce <-chan struct{}) (context.Context, context.CancelFunc) {
	if ctx.Value(cleanupKey{}) != nil {
		return ctx, func() {}
	}
	cleanup, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer stop()
		select {
		case <-ctx.Done():
		case <-cleanup.Done():
			return
		}
		late := time.NewTimer(CleanupTime)
		defer late.Stop()
		select {
		case <-late.C:
		case <-atOnce:
		case <-cleanup.Done():
		}
	}()
	return context.WithValue(ctx, cleanupKey{}, cleanup), stop
}

// Cleanup returns the context of what follows a run's last guest: it outlives an interrupt
// of ctx by at most CleanupTime, and ends at once with a second interrupt. It never ends
// where WithCleanup was not called.
func Cleanup(ctx context.Context) context.Context {
	if cleanup, ok := ctx.Value(cleanupKey{}).(context.Context); ok {
		return cleanup
	}
	return context.WithoutCancel(ctx)
}

// Notify returns a context that ends with the first Ctrl-C, SIGTERM, or SIGHUP of a closed
// terminal. The second signal ends the cleanup, and the third ends the program.
// Writing to a pipe without a reader, to a file past its limit or to the terminal of another
// job returns an error, and no signal ends or stops the program for it: the result of the
// run matters more.
func Notify(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(brokenOutput...)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, interrupt := context.WithCancel(ctx)
	atOnce := make(chan struct{})
	go func() {
		<-signals
		interrupt()
		for s := range signals {
			if s != syscall.SIGHUP { // both the shell and the system send it
				break
			}
		}
		close(atOnce)
		signal.Reset(os.Interrupt, syscall.SIGTERM)
	}()
	ctx, stop := WithCleanup(ctx, atOnce)
	return ctx, func() { stop(); interrupt() }
}
