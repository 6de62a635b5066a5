package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"guestload/results/series"
	"guestload/scenarios"
)

// Recovered is what is left of a run that did not come to its end.
type Recovered struct {
	Run      Run
	Scenario string  // the file as read
	Usage    []Spent // in order of seconds
}

// Recover returns these where there is nothing to show.
var (
	ErrNotUnfinished = errors.New("not the folder of an unfinished run") // nor of a record that could not be written whole
	ErrNotBegun      = errors.New("the run ended before its first guest came: there is nothing to show")
)

// Recover reads the folder of a run that was killed, or still goes on: the seconds
// that are whole in it. Its record is marked interrupted, and so invalid. Of a run that
// ended, but whose log or timeline could not be written whole, it reads the seconds
// that they have, and warns.
func Recover(dir string) (Recovered, error) {
	text, err := os.ReadFile(filepath.Join(dir, UnfinishedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return recoverEnded(dir)
	}
	if err != nil {
		return Recovered{}, fmt.Errorf("read an unfinished run: %w", err)
	}
	start, progress, err := readProgress(text)
	if err != nil {
		return Recovered{}, fmt.Errorf("read an unfinished run: %s: %w", filepath.Join(dir, UnfinishedFile), err)
	}
	thresholds := make([]scenarios.Threshold, len(start.Thresholds))
	for i, expression := range start.Thresholds {
		if thresholds[i], err = scenarios.ParseThreshold(expression); err != nil {
			return Recovered{}, fmt.Errorf("read an unfinished run: %s: %w", filepath.Join(dir, UnfinishedFile), err)
		}
	}
	seconds, err := readSeconds(dir)
	if err != nil {
		return Recovered{}, err
	}
	r := Recovered{Run: Run{Record: start.Record, Seconds: seconds}, Scenario: start.Scenario}
	r.take(progress)
	r.Run.Conclude(thresholds)
	return r, nil
}

// recoverEnded reads a record of which run.json is whole.
func recoverEnded(dir string) (r Recovered, err error) {
	f, err := os.Open(filepath.Join(dir, RunFile))
	if err != nil {
		return r, fmt.Errorf("%s: %w", dir, ErrNotUnfinished)
	}
	defer f.Close()
	if r.Run.Record, err = ReadJSON(f); err != nil {
		return r, fmt.Errorf("read run record %s: %w", f.Name(), err)
	}
	if r.Run.Seconds, err = readSeconds(dir); err != nil {
		return r, err
	}
	r.Run.Record.Warnings = append(r.Run.Record.Warnings, fmt.Sprintf("%s or %s could not be written whole: what is shown over time ends early; all other figures are those of the whole run", LogFile, TimelineFile))
	return r, nil
}

// readProgress reads the lines that are whole.
func readProgress(text []byte) (start Start, progress []Progress, err error) {
	first, rest, whole := bytes.Cut(text, []byte("\n"))
	if !whole {
		return start, nil, ErrNotBegun
	}
	if err := json.Unmarshal(first, &start); err != nil {
		return start, nil, fmt.Errorf("its first line: %w", err)
	}
	for line := range bytes.Lines(wholeLines(rest)) {
		var p Progress
		if json.Unmarshal(line, &p) != nil {
			break // damaged, as what follows may be
		}
		progress = append(progress, p)
	}
	return start, progress, nil
}

// wholeLines leaves out a last line that was cut off.
func wholeLines(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }

// readSeconds reads the seconds that the timeline has, with what the log has of them.
func readSeconds(dir string) ([]series.Second, error) {
	timeline, err := readWholeLines(filepath.Join(dir, TimelineFile))
	if err != nil || len(timeline) == 0 {
		return nil, err
	}
	seconds, err := readTimeline(bytes.NewReader(timeline))
	if err != nil {
		return nil, fmt.Errorf("read an unfinished run: %s: %w", filepath.Join(dir, TimelineFile), err)
	}
	log, err := readWholeLines(filepath.Join(dir, LogFile))
	if err != nil {
		return nil, err
	}
	if err := readLog(bytes.NewReader(log), seconds, true); err != nil {
		return nil, fmt.Errorf("read an unfinished run: %s: %w", filepath.Join(dir, LogFile), err)
	}
	return seconds, nil
}

func readWholeLines(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an unfinished run: %w", err)
	}
	return wholeLines(text), nil
}

// take adds what the lines of progress tell of the seconds that are there.
func (r *Recovered) take(progress []Progress) {
	record := &r.Run.Record
	record.Interrupted, record.DurationSec = true, float64(len(r.Run.Seconds))
	record.Guests.Dropped = record.Guests.Planned
	var violations int64
	for _, p := range progress {
		if p.Second < 0 || p.Second >= len(r.Run.Seconds) {
			break
		}
		record.Guests, violations = p.Guests, p.Violations
		if len(p.Usage) > 0 {
			r.Usage = append(r.Usage, Spent{p.Second, p.Usage})
		}
		operations := r.Run.Seconds[p.Second].Operations
		for name, kinds := range p.Failures {
			if t := operations[name]; t != nil {
				t.Failures = kinds
			}
		}
		for name, n := range p.Retries {
			if t := operations[name]; t != nil {
				t.Retries = n
			}
		}
	}
	record.Invalid = append(record.Invalid, "loadgen did not come to the end of the run: it was killed, or is still running. The record ends with the last second that it wrote")
	if violations > 0 {
		record.Invalid = append(record.Invalid, fmt.Sprintf("%s of the contract seen until then, of which the details are lost", FormatCounted(int(violations), "violation")))
	}
}
