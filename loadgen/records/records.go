// Package records reads and writes folders of run records, and has the commands that work on
// them: report, compare and merge.
package records

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/results"
	"guestload/results/compare"
	"guestload/server/cli"
)

// Root is where records go that were given no folder.
var Root = filepath.Join("results", "runs")

// RunsFolder is in the folder of a search, and holds the records of its runs.
const RunsFolder = "runs"

// Write writes all files of a record that can be written, and returns why the others could not.
func Write(j *results.Journal, p page.Page) []error {
	failed := j.Finish(p.Run)
	if err := page.Write(j.Dir(), p); err != nil {
		failed = append(failed, err)
	}
	return failed
}

// Command is a command that works on records.
type Command struct {
	Name, Takes, About, Example string
	least, most                 int // folders; most is 0 for any number
	run                         func(dirs []string, stdout io.Writer, t report.Terminal) (exit int, err error)
}

// Commands returns all of them.
func Commands() []Command {
	return []Command{
		{"report", "DIR", "write a record's HTML page, " + page.File + ", anew, and print its report", "loadgen report results/runs/burst-20260102T150405Z", 1, 1, reportAgain},
		{"compare", "A B …", "print records side by side: what changed from the first, and whether that is more than noise", "loadgen compare /tmp/before /tmp/after", 2, 0, compareRecords},
		{"merge", "OUT A B …", "join the records of several generators that played one run together, with --run and --share, exactly, into the new folder OUT", "loadgen merge /tmp/both /tmp/left /tmp/right", 3, 0, merge},
	}
}

// Find returns the command that the first argument names.
func Find(args []string) (Command, bool) {
	if len(args) == 0 {
		return Command{}, false
	}
	all := Commands()
	i := slices.IndexFunc(all, func(c Command) bool { return c.Name == args[0] })
	if i < 0 {
		return Command{}, false
	}
	return all[i], true
}

// Run checks a command's arguments, all of which are folders, and runs it.
func (c Command) Run(args []string, stdout io.Writer, t report.Terminal) (exit int, err error) {
	fs := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	err = fs.Parse(cli.LongDashes(args))
	if errors.Is(err, pflag.ErrHelp) {
		_, err := fmt.Fprintf(stdout, "loadgen %s %s\n\n%s.\nFor example: %s\n", c.Name, c.Takes, strings.ToUpper(c.About[:1])+c.About[1:], c.Example)
		return 0, err
	}
	if err != nil {
		return 0, cli.Usagef("%s takes folders of run records, and no flags: %w", c.Name, err)
	}
	dirs := fs.Args()
	if len(dirs) < c.least || c.most > 0 && len(dirs) > c.most {
		return 0, cli.Usagef("loadgen %s %s, found %d of these arguments; for example: %s", c.Name, c.Takes, len(dirs), c.Example)
	}
	if i := slices.Index(dirs, ""); i >= 0 {
		return 0, cli.Usagef("the folder at place %d of loadgen %s %s is empty", i+1, c.Name, c.Takes)
	}
	return c.run(dirs, stdout, t)
}

// reportAgain writes the page anew.
func reportAgain(dirs []string, stdout io.Writer, t report.Terminal) (exit int, err error) {
	dir := dirs[0]
	p, err := openRecord(dir)
	if err != nil {
		if p, err = recoverRecord(dir, err); err != nil {
			return 0, err
		}
	}
	_, printed := io.WriteString(stdout, t.Final(p.Run.Record, dir))
	if err := page.Write(dir, p); err != nil {
		return 0, err
	}
	_, err = fmt.Fprintf(stdout, "\npage    %s\n", filepath.Join(dir, page.File))
	return 0, errors.Join(printed, err)
}

// recoverRecord reads what is left of a run that was killed, or whose files could not all be
// written; failed is why its record is incomplete.
func recoverRecord(dir string, failed error) (page.Page, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return page.Page{}, failed
	}
	r, err := results.Recover(dir)
	switch {
	case errors.Is(err, results.ErrNotUnfinished):
		return page.Page{}, failed
	case errors.Is(err, results.ErrNotBegun):
		if runs, _ := filepath.Glob(filepath.Join(dir, RunsFolder, "*")); len(runs) > 0 {
			return page.Page{}, fmt.Errorf("%s is the folder of a search that did not come to its end; each of its runs has a record: loadgen report %s", dir, runs[len(runs)-1])
		}
		return page.Page{}, err
	case err != nil:
		return page.Page{}, err
	}
	return page.Page{Run: r.Run, Scenario: []byte(r.Scenario), Usage: r.Usage}, nil
}

// compareRecords prints records side by side.
func compareRecords(dirs []string, stdout io.Writer, t report.Terminal) (exit int, err error) {
	runs := make([]results.Run, len(dirs))
	for i, dir := range dirs {
		p, err := openRecord(dir)
		if err != nil {
			return 0, err
		}
		runs[i] = p.Run
	}
	c, err := compare.Runs(runs...)
	if err != nil {
		return 0, cli.UsageError{Err: err}
	}
	_, err = io.WriteString(stdout, t.Comparison(c, dirs))
	return 0, err
}

// merge writes one record of several, with the scenario's file from the page of the first. The
// exit code is that of the merged verdict.
func merge(dirs []string, stdout io.Writer, t report.Terminal) (exit int, err error) {
	out, from := dirs[0], dirs[1:]
	runs := make([]results.Run, len(from))
	var merged page.Page
	for i, dir := range from {
		if j := slices.Index(from, dir); j < i {
			return 0, cli.Usagef("%s is given twice: its guests would be counted twice", dir)
		}
		p, err := openRecord(dir)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			merged.Scenario = p.Scenario
		}
		runs[i] = p.Run
	}
	if merged.Run, err = results.Merge(runs...); err != nil {
		return 0, cli.UsageError{Err: err}
	}
	j, err := results.Claim(out)
	if err != nil {
		return 0, err
	}
	_, err = io.WriteString(stdout, t.Final(merged.Run.Record, out))
	return merged.Run.Record.Outcome.ExitCode(), errors.Join(append(Write(j, merged), err)...)
}

// openRecord reads a record's folder, or says what is there instead.
func openRecord(dir string) (page.Page, error) {
	const want = "want the folder of a run record, such as results/runs/burst-20260102T150405Z"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return page.Page{}, cli.Usagef("%s: no such folder: %s", dir, want)
	case err != nil:
		return page.Page{}, fmt.Errorf("read run record: %w", err)
	case !info.IsDir():
		return page.Page{}, cli.Usagef("%s is a file: %s", dir, want)
	}
	if _, err := os.Stat(filepath.Join(dir, results.RunFile)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, results.UnfinishedFile)); err == nil {
			return page.Page{}, cli.Usagef("%s holds a run that was killed or still goes on, which has no verdict: only loadgen report %s shows it", dir, dir)
		}
		return page.Page{}, cli.Usagef("%s is not a run record, for it has no %s: %s", dir, results.RunFile, want)
	}
	return page.Read(dir)
}
