package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"guestload/loadgen/dryrun"
	"guestload/loadgen/flags"
	"guestload/loadgen/play"
	"guestload/loadgen/records"
	"guestload/loadgen/report"
	"guestload/loadgen/worker"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/app"
	"guestload/server/cli"
)

// program is the whole program; it returns the exit code.
func program(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == serveEmbedded {
		return app.Run(ctx, args[1:], getenv, stdin, stdout, stderr)
	}
	if len(args) > 0 && args[0] == worker.Argument {
		return worker.Run(ctx, stdin, stdout, stderr)
	}
	if c, ok := records.Find(args); ok {
		code, err := c.Run(args[1:], stdout, report.Detect(stdout, getenv))
		if err != nil {
			code = exitCode(err, stderr)
		}
		return code
	}
	if len(args) > 0 && args[0] == flags.CompletionCommand {
		script, err := flags.Completion(args[1:])
		fmt.Fprint(stdout, script)
		return exitCode(err, stderr)
	}
	parsed, err := flags.Parse(args, checkRedis)
	o := options{parsed}
	switch {
	case errors.Is(err, flags.ErrVersion):
		fmt.Fprintln(stdout, cli.Version("loadgen"))
		return results.ExitPassed
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, flags.Help())
		return results.ExitPassed
	case err != nil:
		fmt.Fprintf(stderr, "loadgen: %v\n", err)
		return results.ExitUsage
	case o.List:
		err = list(stdout)
	case o.Check != "":
		err = check(stdout, o.Check)
	default:
		return runScenario(ctx, o, getenv, stdout, stderr)
	}
	return exitCode(err, stderr)
}

// options are the command line, with what follows from it.
type options struct{ flags.Options }

// exitCode prints an error and returns the exit code for it: 2 if the command line, or a file
// that it names, has to be changed, else 1.
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
	if err == nil && !o.DryRun {
		err = flags.RefuseProxy(o.Target, getenv)
	}
	if err == nil && o.DryRun {
		err = dryrun.Print(ctx, stdout, s, o.Without)
		if ctx.Err() != nil {
			fmt.Fprintln(stderr, "loadgen: interrupted")
			return results.ExitInvalid
		}
		return exitCode(err, stderr)
	}
	if err != nil {
		return exitCode(err, stderr)
	}
	return perform(ctx, o, s, getenv, stdout, stderr)
}

// perform plays a scenario.
func perform(ctx context.Context, o options, s scenarios.Scenario, getenv func(string) string, stdout, stderr io.Writer) int {
	p, err := o.play()
	if err != nil {
		return exitCode(err, stderr)
	}
	return play.Scenario(ctx, p, s, getenv, stdout, stderr, exitCode)
}

// load reads the scenario and sets its size, seed, processes and servers.
func (o options) load() (scenarios.Scenario, error) {
	s, err := loadScenario(o.Scenario)
	if err != nil {
		return s, err
	}
	switch {
	case s.Capacity != nil && o.Part != nil:
		return s, cli.Usagef("--share: a search for the capacity cannot be shared: each of its runs depends on those before")
	case o.Guests > 0:
		s, err = s.WithGuests(o.Guests)
	case o.Scale != 1:
		s, err = s.Scale(o.Scale)
	}
	if err != nil {
		return s, cli.UsageError{Err: err}
	}
	if o.Seeded {
		s.Seed = o.Seed
	}
	if s, err = o.setProcesses(s); err != nil {
		return s, err
	}
	return o.setServers(s)
}

// loadScenario reads a scenario and checks that every step can be played.
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

// played are the steps that guests can play: those of session's player.
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
	fmt.Fprintf(w, "%s: scenario %s is valid: %s, about %s in %v, %s, %s%s\n",
		name, s.Name, results.FormatCounted(len(s.Phases), "phase"), results.FormatCounted(s.Planned(), "guest"), s.Length(),
		results.FormatCounted(len(s.Scripts), "script"), results.FormatCounted(len(s.Thresholds), "threshold"), dryrun.Processes(s))
	return nil
}
