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

// ErrTaken is wrapped by Claim's error for a folder that another record is in.
var ErrTaken = errors.New("holds a run record already")

// Claim makes the folder dir where it does not exist yet and checks that a
// record can be written there, before the load begins. A folder that holds a
// record already is an error.
func Claim(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a folder for the run record: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, RunFile)); err == nil {
		return fmt.Errorf("%s %w: choose another folder", dir, ErrTaken)
	}
	probe, err := os.CreateTemp(dir, ".claim-*")
	if err != nil {
		return fmt.Errorf("run records cannot be written here: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Write writes the files of a run into dir. Each appears whole or not at all,
// and run.json last: a folder that has one has all.
func Write(dir string, run Run) error {
	if err := Claim(dir); err != nil {
		return err
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{LogFile, func(w io.Writer) error { return writeLog(w, run.Record.Started, run.Seconds) }},
		{TimelineFile, func(w io.Writer) error { return writeTimeline(w, run.Seconds) }},
		{RunFile, run.Record.WriteJSON},
	} {
		if err := writeWhole(filepath.Join(dir, file.name), file.write); err != nil {
			return fmt.Errorf("write run record: %w", err)
		}
	}
	return nil
}

// WriteJSON writes run.json.
func (r Record) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false) // thresholds are read by people: p99 < 200ms
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// writeWhole writes a file under another name, and renames it when all of it
// is on the disk.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", filepath.Base(path), errors.Join(err, os.Remove(f.Name())))
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
	err = readFile(dir, LogFile, func(r io.Reader) error { return readLog(r, run.Seconds) })
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
