package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"guestload/loadgen/report"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/app"
	"guestload/server/cli"
)

// run is the whole program: its result is the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == serveEmbedded {
		return app.Run(ctx, args[1:], getenv, stdin, stdout, stderr)
	}
	if len(args) > 0 && args[0] == playShare {
		return runShare(ctx, stdin, stdout, stderr)
	}
	if c, ok := findCommand(args); ok {
		code, err := c.call(args[1:], stdout, report.Detect(stdout, getenv))
		if err != nil {
			code = exitCode(err, stderr)
		}
		return code
	}
	o, err := parseOptions(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage())
		return results.ExitPassed
	case err != nil:
		fmt.Fprintf(stderr, "loadgen: %v\n", err)
		return results.ExitUsage
	case o.list:
		err = list(stdout)
	case o.check != "":
		err = check(stdout, o.check)
	default:
		return runScenario(ctx, o, getenv, stdout, stderr)
	}
	return exitCode(err, stderr)
}

// exitCode prints an error and returns the exit code for it: 2 where the command
// line, or a file that it names, has to be changed, else 1.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return results.ExitPassed
	}
	fmt.Fprintf(stderr, "loadgen: %v\n", err)
	if _, usage := errors.AsType[cli.UsageError](err); usage || errors.Is(err, results.ErrTaken) {
		return results.ExitUsage
	}
	return results.ExitCouldNotRun
}

func runScenario(ctx context.Context, o options, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := o.load()
	if err == nil && !o.dryRun {
		err = refuseProxy(o.target, getenv)
	}
	if err == nil && o.dryRun {
		err = rehearse(ctx, stdout, s, o)
		if ctx.Err() != nil {
			fmt.Fprintln(stderr, "loadgen: interrupted")
			return results.ExitInvalid
		}
		return exitCode(err, stderr)
	}
	if err != nil {
		return exitCode(err, stderr)
	}
	return playOn(ctx, o, s, getenv, stdout, stderr)
}

// playOn plays a scenario, and returns the exit code when all is told and written.
// A terminal that is stopped or gone keeps neither the run from ending nor its result
// from being written.
func playOn(ctx context.Context, o options, s scenarios.Scenario, getenv func(string) string, stdout, stderr io.Writer) int {
	if ctx.Value(hurryKey{}) == nil {
		var stop context.CancelFunc
		ctx, stop = withHurry(ctx, nil)
		defer stop()
	}
	out, errs := report.NewOutlet(stdout), report.NewOutlet(stderr)
	code, err := play(ctx, o, s, getenv, out, errs)
	if err != nil {
		code = exitCode(err, errs)
	}
	if err := drain(ctx, out); err != nil {
		fmt.Fprintf(errs, "loadgen: the report could not be printed: %v\n", err)
		code = max(code, results.ExitCouldNotRun)
	}
	drain(ctx, errs) // there is nowhere to say that it failed
	return code
}

// lastWords is how long output may take that nobody waits for any more.
const lastWords = 200 * time.Millisecond

// drain waits until all of an output is written: after an interrupt not for long.
func drain(ctx context.Context, o *report.Outlet) error {
	err := o.Flush(hurry(ctx))
	if hurry(ctx).Err() == nil {
		return err
	}
	return flush(o)
}

// flush waits a moment until all of an output is written.
func flush(o *report.Outlet) error {
	soon, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	return o.Flush(soon)
}

// load reads the scenario and gives it the size and seed that were asked for.
func (o options) load() (scenarios.Scenario, error) {
	s, err := loadScenario(o.scenario)
	if err != nil {
		return s, err
	}
	switch {
	case s.Capacity != nil && o.part != nil:
		return s, cli.Usagef("--share: a search for the capacity cannot be shared: each of its runs depends on those before")
	case o.guests > 0:
		s, err = s.WithGuests(o.guests)
	case o.scale != 1:
		s, err = s.Scale(o.scale)
	}
	if err != nil {
		return s, cli.UsageError{Err: err}
	}
	if o.seeded {
		s.Seed = o.seed
	}
	if s, err = o.crewed(s); err != nil {
		return s, err
	}
	return o.serve(s)
}

// loadScenario reads a scenario of which every step can be played.
func loadScenario(name string) (scenarios.Scenario, error) {
	s, err := scenarios.Load(name)
	if err != nil {
		return s, cli.UsageError{Err: err}
	}
	if err := s.Unknown(played()...); err != nil {
		return s, cli.UsageError{Err: err}
	}
	return s, nil
}

// played are the steps that guests can take: those of session's player.
func played() []scenarios.Kind {
	return []scenarios.Kind{
		scenarios.Create, scenarios.Fetch, scenarios.Rename, scenarios.Locate, scenarios.Online, scenarios.Stats, scenarios.Renew,
		scenarios.Connect, scenarios.Reconnect, scenarios.Search, scenarios.Next, scenarios.Chat, scenarios.Idle, scenarios.Drop,
		scenarios.Wait, scenarios.Deaf, scenarios.Hostile, scenarios.Speak,
	}
}

func list(w io.Writer) error {
	all, err := scenarios.Shipped()
	if err != nil {
		return err
	}
	for _, l := range all {
		fmt.Fprintf(w, "%-16s %s\n", l.Name, l.About)
	}
	return nil
}

func check(w io.Writer, name string) error {
	s, err := loadScenario(name)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: scenario %s is good: %s, about %s in %v, %s, %s%s\n",
		name, s.Name, results.FormatCounted(len(s.Phases), "phase"), results.FormatCounted(s.Planned(), "guest"), s.Length(),
		results.FormatCounted(len(s.Scripts), "script"), results.FormatCounted(len(s.Thresholds), "threshold"), several(s))
	return nil
}

// several tells of the processes where there is more than one of a kind.
func several(s scenarios.Scenario) (text string) {
	if s.Processes > 1 {
		text += fmt.Sprintf(", %d processes that play", s.Processes)
	}
	if s.Server.Instances > 1 {
		text += fmt.Sprintf(", %d servers", s.Server.Instances)
	}
	return text
}
