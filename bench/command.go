package main

import (
	"context"
	"embed"
	"io"

	"github.com/spf13/pflag"

	"guestload/bench/peers"
	"guestload/bench/scale"
	"guestload/server/cli"
)

//go:embed help/*.txt
var help embed.FS

// run is the whole program: its result is the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return cli.Program{
		Name:  "bench",
		About: "bench tells whether a change made server or loadgen slower.",
		Notes: "Exit codes: 0 passed or improved, 1 could not run, 2 wrong usage, 3 regressed,\n4 inconclusive.",
		Commands: []cli.Command{
			{Name: "gate", About: "tell whether a change made server or loadgen slower", Run: runGate},
			{Name: "ab", About: "run benchmarks and servers of two revisions in alternating pairs", Run: runAB},
			{Name: "baseline", About: "compare or update the stored values of the hard metrics", Run: runBaseline},
			{Name: "trend", About: "find the change points of many run records", Run: runTrend},
			{Name: "selftest", About: "measure the gate's own rate of false alarms, and its power", Run: runSelftest},
			{Name: "peers", About: "compare loadgen with a bare client, k6 and wrk", Run: runPeers},
			{Name: "scale", About: "measure what guests cost one server as they become many", Run: runScale},
			{Name: peers.BareCommand, About: "play sessions without measuring them: the bare client of bench peers", Run: runBare},
			{Name: scale.HoldCommand, About: "be a server that reports its memory: for bench scale", Run: runHold},
		},
	}.Run(ctx, args, stdout, stderr)
}

// parse reads the command line of a command, whose explanation is a file of help.
func parse(fs *pflag.FlagSet, args []string, command string, operands bool, stdout io.Writer) error {
	text, _ := help.ReadFile("help/" + command + ".txt") // embedded; a test reads them all
	return cli.Parse(fs, args, string(text), operands, stdout)
}
