// Command loadgen plays scripted guests against a chat backend and reports what
// they felt, and what rules were broken. `loadgen -h` explains it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(program(os.Args[1:])) }

// program runs with the signals that are right for what is asked for, and returns the
// exit code.
func program(args []string) int {
	ctx := context.Background()
	switch _, isCommand := findCommand(args); {
	case isCommand: // ends where it is: records are written whole or not at all
	case len(args) > 0 && (args[0] == serveEmbedded || args[0] == playShare):
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
	default:
		var stop context.CancelFunc
		ctx, stop = interruptible(ctx)
		defer stop()
	}
	return run(ctx, args, os.Getenv, os.Stdin, os.Stdout, os.Stderr)
}
