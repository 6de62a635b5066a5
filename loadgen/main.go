// Command loadgen plays scripted guests against a chat backend and reports latencies,
// failures and broken rules. `loadgen -h` explains it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"guestload/loadgen/interrupt"
	"guestload/loadgen/records"
	"guestload/loadgen/worker"
)

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs a command line with the signal handling that it needs, and returns the exit
// code.
func execute(args []string) int {
	ctx := context.Background()
	switch _, isCommand := records.Find(args); {
	case isCommand: // a signal ends it at once: records are written whole or not at all
	case len(args) > 0 && (args[0] == serveEmbedded || args[0] == worker.Argument):
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
	default:
		var stop context.CancelFunc
		ctx, stop = interrupt.Notify(ctx)
		defer stop()
	}
	return program(ctx, args, os.Getenv, os.Stdin, os.Stdout, os.Stderr)
}
