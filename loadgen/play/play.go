// Package play plays what a command line asks for: one run, in one process or in several, or
// the runs of a search for the capacity. It reports the result and writes the record.
package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"guestload/loadgen/coordinator"
	"guestload/loadgen/executor"
	"guestload/loadgen/interrupt"
	"guestload/loadgen/limits"
	"guestload/loadgen/records"
	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/loadgen/run"
	"guestload/loadgen/search"
	"guestload/results"
	"guestload/scenarios"
)

// Options say how to play a scenario.
type Options struct {
	Run         run.Config // without its Machine
	Connections int        // HTTP connections, 0 for the default
	Worker      []string   // command that starts a worker
	Out         string     // folder of the record, "" for a new one
	Watch       string     // HOST:PORT of the live page, "" for none
	JSON, Quiet bool
}

// Scenario plays a scenario, and returns the exit code when everything is printed and written.
// A terminal that is stopped or gone keeps neither the run from ending nor its record from
// being written; exitCode prints an error and returns the exit code for it.
func Scenario(ctx context.Context, o Options, s scenarios.Scenario, getenv func(string) string, stdout, stderr io.Writer, exitCode func(error, io.Writer) int) int {
	ctx, stop := interrupt.WithCleanup(ctx, nil)
	defer stop()
	out, errs := report.NewOutlet(stdout), report.NewOutlet(stderr)
	code, err := play(ctx, o, s, getenv, out, errs)
	if err != nil {
		code = exitCode(err, errs)
	}
	if err := drain(ctx, out); err != nil {
		fmt.Fprintf(errs, "loadgen: the report could not be printed: %v\n", err)
		code = max(code, results.ExitCouldNotRun)
	}
	drain(ctx, errs) // nothing is left to report an error on
	return code
}

// flushTime is how long output may take after an interrupt.
const flushTime = 200 * time.Millisecond

// drain waits until an output is written; after an interrupt not for long.
func drain(ctx context.Context, o *report.Outlet) error {
	cleanup := interrupt.Cleanup(ctx)
	err := o.Flush(cleanup)
	if cleanup.Err() == nil {
		return err
	}
	return flush(o)
}

// flush waits at most flushTime until an output is written.
func flush(o *report.Outlet) error {
	soon, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	return o.Flush(soon)
}

// play plays the scenario, reports it, and returns the exit code. The report comes first and
// the record after it: whatever is full or gone, the result is seen.
func play(ctx context.Context, o Options, s scenarios.Scenario, getenv func(string) string, out, errs *report.Outlet) (int, error) {
	highest := s
	if s.Capacity != nil {
		highest = s.At(s.Capacity.To)
	}
	var err error
	processes := executor.Share{N: s.Processes}
	if o.Run.Machine, err = limits.Measure(processes.Of(limits.PeakLive(highest)), o.Connections); err != nil {
		return 0, err
	}
	journal, err := claim(o.Out, s.Name)
	if err != nil {
		return 0, err
	}
	d := o.display(getenv, errs)
	defer d.Close()
	whole, unwritten, err := perform(ctx, o, d, s, journal, errs)
	if err != nil {
		err = errors.Join(err, journal.Abandon())
		if ctx.Err() == nil {
			return 0, err
		}
		d.Screen.Clear()
		fmt.Fprintln(errs, "loadgen: interrupted before the first guest: nothing was measured, and no record was written")
		return results.ExitInvalid, nil
	}
	d.Screen.Clear() // the report follows even if the screen is gone
	flush(errs)
	record := whole.Run.Record
	if o.JSON {
		err = record.WriteJSON(out)
	} else {
		_, err = io.WriteString(out, report.Detect(out, getenv).Final(record, journal.Dir()))
	}
	if err != nil {
		fmt.Fprintf(errs, "loadgen: the report could not be printed: %v\n", err)
	}
	flush(out)
	code := record.Outcome.ExitCode()
	for _, err := range append(unwritten, records.Write(journal, whole)...) {
		fmt.Fprintf(errs, "loadgen: the record is incomplete: %v\n", err)
		code = max(code, results.ExitCouldNotRun)
	}
	if err := d.Finish(whole); err != nil {
		fmt.Fprintf(errs, "loadgen: %v\n", err)
	}
	return code, nil
}

// display is where runs are shown: nothing but errors is written beside JSON.
func (o Options) display(getenv func(string) string, errs *report.Outlet) *run.Display {
	d := run.NoDisplay()
	d.Address = o.Watch
	if !o.JSON {
		d.Notices = errs
	}
	if !o.Quiet {
		d.Hints = errs
	}
	if !o.Quiet && !o.JSON {
		d.Screen = report.NewLive(errs, report.Detect(errs, getenv))
	}
	return d
}

// perform plays all that the scenario asks for; unwritten says which files of the records of a
// search's runs are missing.
func perform(ctx context.Context, o Options, d *run.Display, s scenarios.Scenario, journal *results.Journal, errs io.Writer) (whole page.Page, unwritten []error, err error) {
	switch {
	case s.Capacity != nil:
		verdicts := errs
		if o.Quiet || o.JSON {
			verdicts = io.Discard
		}
		return search.Run(ctx, o.Run, d, verdicts, s, journal)
	case s.Processes > 1:
		whole, err = coordinator.Run(ctx, o.Run, d, o.Worker, s, journal)
		return whole, nil, err
	}
	r, err := run.Perform(ctx, o.Run, d, s, s.Name, journal)
	return r.Page(), nil, err
}

// claim takes the record's folder.
func claim(dir, scenario string) (*results.Journal, error) {
	if dir != "" {
		return results.Claim(dir)
	}
	return results.ClaimNew(records.Root, scenario, time.Now())
}
