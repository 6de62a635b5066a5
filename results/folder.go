package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Files of a record's folder.
const (
	RunFile      = "run.json"
	LogFile      = "latency.hlog"
	TimelineFile = "timeline.csv"
)

// RunsDir is where records go unless told otherwise, from the project's root.
const RunsDir = "results/runs"

// NewDir makes a new folder under root, named after the scenario and the time,
// such as burst-20260102T150405Z, with -2 and so on where that is taken.
func NewDir(root, scenario string, now time.Time) (string, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for run records: %w", err)
	}
	name := plainName(scenario) + "-" + now.UTC().Format("20060102T150405Z")
	for n := 1; ; n++ {
		dir := filepath.Join(root, name)
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", dir, n)
		}
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("make a folder for the run record: %w", err)
		}
	}
}

// plainName keeps letters, digits, '-' and '_' of a name, so that it is one
// folder everywhere.
func plainName(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	if plain == "" {
		return "run"
	}
	return plain
}

// Write writes the files of a run into dir, which must not hold a record.
func Write(dir string, run Run) error {
	j, err := Claim(dir)
	if err != nil {
		return err
	}
	return errors.Join(j.Finish(run)...)
}

// WriteJSON writes run.json.
func (r Record) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false) // thresholds are read by people: p99 < 200ms
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// Read reads a folder that Write wrote.
func Read(dir string) (Run, error) {
	var run Run
	err := readFile(dir, RunFile, func(r io.Reader) (err error) {
		run.Record, err = ReadJSON(r)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	err = readFile(dir, TimelineFile, func(r io.Reader) (err error) {
		run.Seconds, err = readTimeline(r)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	err = readFile(dir, LogFile, func(r io.Reader) error { return readLog(r, run.Seconds, false) })
	if err != nil {
		return Run{}, err
	}
	if err := run.whole(); err != nil {
		return Run{}, fmt.Errorf("read run record %s: %w", filepath.Join(dir, LogFile), err)
	}
	return run, nil
}

// whole checks that the log has the samples that run.json counts: one that was cut
// off behind a line looks good otherwise.
func (r *Run) whole() error {
	totals := r.Totals()
	for _, name := range sortedKeys(r.Record.Operations) {
		var found int64
		if t := totals[name]; t != nil {
			found = t.Response.TotalCount()
		}
		if want := r.Record.Operations[name].Count; found != want {
			return fmt.Errorf("%d samples of %s, where %s counts %d: the record was cut off, or mixed up with another", found, name, RunFile, want)
		}
	}
	return nil
}

// ReadJSON reads run.json, of this schema only.
func ReadJSON(r io.Reader) (Record, error) {
	var record Record
	err := json.NewDecoder(r).Decode(&record)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Record{}, fmt.Errorf("the file ends too early, it was cut off: %w", err)
	case err != nil:
		return Record{}, err
	}
	if record.Schema != Schema {
		return Record{}, fmt.Errorf("schema %d: this program reads schema %d", record.Schema, Schema)
	}
	return record, nil
}

func readFile(dir, name string, read func(io.Reader) error) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("read run record: %w", err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("read run record %s: %w", f.Name(), err)
	}
	return nil
}
