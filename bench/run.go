package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"guestload/bench/peers"
	"guestload/bench/scale"
	"guestload/server/cli"
)

// Exit codes.
const (
	exitPass         = 0 // Pass or Improved
	exitCouldNotRun  = 1
	exitUsage        = 2
	exitRegressed    = 3
	exitInconclusive = 4 // or Invalid: nothing was shown
)

// console is where a command talks to: what it was asked for, and what goes on.
type console struct{ stdout, stderr io.Writer }

// exitError ends the program with a code of its own; what there is to say was said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usageError is a wrong command line.
type usageError struct{ error }

// command is one of the program's.
type command struct {
	name, about string
	run         func(ctx context.Context, args []string, to console) error
}

func commands() []command {
	return []command{
		{"ab", "run benchmarks and servers of two revisions in alternating pairs", runAB},
		{"gate", "tell whether a change made server or loadgen slower", runGate},
		{"baseline", "compare or update what the hard metrics should be", runBaseline},
		{"trend", "find the change points of many run records", runTrend},
		{"peers", "hold loadgen against a bare client, k6 and wrk", runPeers},
		{peers.BareCommand, "play sessions with nothing measured: the floor of bench peers", runBare},
		{"scale", "measure what guests cost one server as they become many", runScale},
		{scale.HoldCommand, "be a server that tells what memory it has: for bench scale", runHold},
		{"selftest", "measure the gate's own rate of false alarms, and its power", runSelftest},
	}
}

// run is the whole program: its result is the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	to := console{stdout, stderr}
	if len(args) == 0 {
		fmt.Fprintf(stderr, "bench: no command\n\n%s", usage())
		return exitUsage
	}
	if name := strings.TrimLeft(args[0], "-"); name == "h" || name == "help" {
		fmt.Fprint(stdout, usage())
		return exitPass
	}
	var names []string
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(ctx, c.run(ctx, args[1:], to), c.name, to)
		}
		names = append(names, c.name)
	}
	fmt.Fprintf(stderr, "bench: unknown command %q%s; bench -h lists them\n", args[0], cli.Guess(args[0], names))
	return exitUsage
}

func exitCode(ctx context.Context, err error, name string, to console) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return exitPass
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintf(to.stderr, "bench %s: %v; bench %s -h explains all\n", name, err, name)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(to.stderr, "bench %s: interrupted; nothing is left behind\n", name)
		return exitCouldNotRun
	}
	fmt.Fprintf(to.stderr, "bench %s: %v\n", name, err)
	return exitCouldNotRun
}

func usage() string {
	var b strings.Builder
	b.WriteString("bench tells whether a change made server or loadgen slower.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  bench %-9s %s\n", c.name, c.about)
	}
	b.WriteString(`
bench COMMAND -h explains one. Every long flag may be written with one dash or two.

Exit codes: 0 passed or improved, 1 could not run, 2 wrong usage, 3 regressed,
4 inconclusive.
`)
	return b.String()
}

// flagSet is a command's flags; usage is the explanation above their list.
func flagSet(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet("bench "+name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	return fs
}

// parse reads the command line of a command that takes flags only.
func parse(fs *pflag.FlagSet, args []string, explanation string, to console) error {
	err := fs.Parse(cli.LongDashes(args))
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(to.stdout, "%s\n\n%s", explanation, fs.FlagUsages())
		return err
	}
	if err != nil {
		return usageError{cli.Explain(fs, err)}
	}
	if rest := fs.Args(); len(rest) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q: everything is a flag", rest[0])}
	}
	return nil
}
