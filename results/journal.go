package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"guestload/results/series"
)

// Journal is the folder of a run's record while the run goes on. What happens is
// appended second by second, in the background, so that a run that is killed can
// still be shown, with Recover. Begin, Finish and Abandon are called by one goroutine.
//
// Nothing that cannot be written stops the run: Finish tries it again and reports it.
type Journal struct {
	dir      string
	made     bool // the folder was made by Claim
	started  Start
	progress *growing // UnfinishedFile
	log      *growing
	timeline *growing
	reserve  *os.File // space for run.json; nil: none
	writing  sync.WaitGroup

	mu struct {
		sync.Mutex
		more    sync.Cond
		seconds []series.Second // all so far
		fresh   []Progress
		ended   bool
	}
}

// Start is what is known of a run before its first guest.
type Start struct {
	Record     Record   `json:"record"`     // scenario, seed, start, environment, planned guests
	Thresholds []string `json:"thresholds"` // expressions
	Scenario   string   `json:"scenario"`   // the file as read
}

// Progress is how a run stands at the end of one of its seconds.
type Progress struct {
	Second     int                                   `json:"second"`
	Guests     Guests                                `json:"guests"` // as if the run had been interrupted then
	Violations int64                                 `json:"violations,omitempty"`
	Failures   map[string]map[string]series.Failures `json:"failures,omitempty"` // in that second, by operation and kind
	Retries    map[string]int64                      `json:"retries,omitempty"`  // in that second, by operation
	Usage      map[string]Use                        `json:"usage,omitempty"`    // in that second, by process
}

// NewProgress has of a second what neither log nor timeline tell.
func NewProgress(s series.Second) Progress {
	p := Progress{Second: s.Second, Failures: map[string]map[string]series.Failures{}, Retries: map[string]int64{}}
	for name, t := range s.Operations {
		if len(t.Failures) > 0 {
			p.Failures[name] = t.Failures
		}
		if t.Retries > 0 {
			p.Retries[name] = t.Retries
		}
	}
	return p
}

// Spent is what the processes of a run used in one second of it.
type Spent struct {
	Second int            `json:"second"`
	Of     map[string]Use `json:"of"` // by process: server, redis, loadgen
}

// Use is what one process used in one second.
type Use struct {
	Cores    float64 `json:"cpu"` // seconds of CPU time in that second
	MemoryMB float64 `json:"mb"`  // resident at its end
}

// UnfinishedFile is in the folder of a run that goes on or was killed: a line of
// Start, and one of Progress for each second. A complete record does not have it.
const UnfinishedFile = "unfinished.jsonl"

// ErrTaken is why a folder is refused that holds a record, or a part of one.
var ErrTaken = errors.New("choose another folder, or move that one away")

// Claim takes dir for one record, before the load begins, and makes it where it
// does not exist. The error is ErrTaken where there is a record already, of a run
// that goes on or was killed, too.
func Claim(dir string) (*Journal, error) {
	_, err := os.Stat(dir)
	j := &Journal{dir: dir, made: errors.Is(err, fs.ErrNotExist)}
	j.mu.more.L = &j.mu
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for the run record: %w", err)
	}
	for _, file := range []struct{ name, is string }{
		{RunFile, "a run record"}, {UnfinishedFile, "a run that goes on or was killed (loadgen report shows it)"},
		{LogFile, "a part of a run record, " + LogFile}, {TimelineFile, "a part of a run record, " + TimelineFile},
	} {
		if _, err := os.Lstat(filepath.Join(dir, file.name)); err == nil {
			return nil, fmt.Errorf("%s already holds %s: %w", dir, file.is, ErrTaken)
		}
	}
	j.progress, err = grow(filepath.Join(dir, UnfinishedFile))
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("%s was taken by another run just now: %w", dir, ErrTaken)
	case err != nil:
		return nil, fmt.Errorf("the run record cannot be written: %w", err)
	}
	return j, nil
}

// ClaimNew takes a folder of its own, as NewDir makes it.
func ClaimNew(root, scenario string, now time.Time) (*Journal, error) {
	dir, err := NewDir(root, scenario, now)
	if err != nil {
		return nil, err
	}
	j, err := Claim(dir)
	if err == nil {
		j.made = true
	}
	return j, err
}

// Dir is the folder.
func (j *Journal) Dir() string { return j.dir }

// Begin writes what is known of the run, before the first guest comes. Add can be
// called from then on.
func (j *Journal) Begin(s Start) error {
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(s); err != nil {
		return fmt.Errorf("write the start of the run: %w", err)
	}
	if err := j.progress.write(line.Bytes()); err != nil {
		return fmt.Errorf("the run record cannot be written: %w", err)
	}
	j.started = s
	j.log, _ = grow(filepath.Join(j.dir, LogFile)) // Finish tries again
	j.timeline, _ = grow(filepath.Join(j.dir, TimelineFile))
	j.reserve = reserve(j.dir)
	j.writing.Go(j.write)
	return nil
}

// Add appends seconds that are over, with a Progress for each. It does not wait for
// the disk. The seconds must not be changed any more.
func (j *Journal) Add(seconds []series.Second, progress []Progress) {
	if j == nil || len(seconds) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mu.seconds, j.mu.fresh = append(j.mu.seconds, seconds...), append(j.mu.fresh, progress...)
	j.mu.more.Signal()
}

// write writes what was added until the journal ends.
func (j *Journal) write() {
	for {
		j.mu.Lock()
		for len(j.mu.fresh) == 0 && !j.mu.ended {
			j.mu.more.Wait()
		}
		seconds, fresh, ended := j.mu.seconds, j.mu.fresh, j.mu.ended
		j.mu.fresh = nil
		j.mu.Unlock()
		j.append(seconds, fresh)
		if ended {
			return
		}
	}
}

// append writes what the files do not have yet. A second is in the log first, then
// in the timeline: one that the timeline has is whole.
func (j *Journal) append(seconds []series.Second, fresh []Progress) {
	if len(seconds) == 0 {
		return
	}
	j.extend(j.log, LogFile, seconds)
	j.extend(j.timeline, TimelineFile, seconds)
	var lines bytes.Buffer
	for _, p := range fresh {
		json.NewEncoder(&lines).Encode(p) // of plain numbers and names: it does not fail
	}
	j.progress.write(lines.Bytes()) // without it, less is known of a run that is killed
}

// extend appends to one of the two files the seconds that it does not have. After
// the first failure it leaves the file to Finish: a full disk would be tried, and
// all encoded, again each second.
func (j *Journal) extend(g *growing, name string, seconds []series.Second) {
	if g == nil || g.err != nil {
		return
	}
	if text, err := j.encode(name, seconds, g.seconds); err != nil {
		g.err = err
	} else if g.write(text) == nil {
		g.seconds = len(seconds)
	}
}

// encode is the text of a file from a second on, from the first with its header.
func (j *Journal) encode(name string, seconds []series.Second, from int) ([]byte, error) {
	var text bytes.Buffer
	var err error
	switch {
	case name == LogFile:
		if from == 0 {
			writeLogHead(&text, j.started.Record.Started)
		}
		err = writeLogLines(&text, seconds[from:])
	case from == 0:
		err = writeTimeline(&text, seconds)
	default:
		err = writeTimelineRows(&text, timelineNames(nil), seconds[from:])
	}
	return text.Bytes(), err
}

// Finish writes the record: run.json first, which has every figure and appears whole
// or not at all, then what log and timeline do not have yet. One that fails does not
// keep the others from being tried: each error is a line about one of them.
func (j *Journal) Finish(run Run) (failed []error) {
	j.end()
	j.release()
	note := func(err error) bool {
		if err != nil {
			failed = append(failed, err)
		}
		return err == nil
	}
	told := note(j.result(run.Record))
	note(j.complete(j.log, LogFile, run))
	note(j.complete(j.timeline, TimelineFile, run))
	if told {
		note(j.progress.remove())
	} else {
		j.progress.file.Close() // Recover reads it
	}
	return failed
}

// result writes run.json. Where there is no space, log and timeline make room for it
// if they are incomplete, and it is written without blanks.
func (j *Journal) result(r Record) error {
	path := filepath.Join(j.dir, RunFile)
	err := WriteFile(path, r.WriteJSON)
	if err == nil {
		return nil
	}
	for _, g := range []**growing{&j.log, &j.timeline} {
		if *g != nil && (*g).err != nil {
			(*g).remove()
			*g = nil
		}
	}
	if WriteFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }) == nil {
		return nil
	}
	return err
}

// complete appends the rest to a file, or writes it anew where it is of other
// seconds than the run has come to.
func (j *Journal) complete(g *growing, name string, run Run) error {
	if g != nil && j.wrote(g.seconds, run.Seconds) && j.started.Record.Started.Equal(run.Record.Started) {
		text, err := j.encode(name, run.Seconds, g.seconds)
		if err == nil {
			err = g.finish(text)
		}
		return err
	}
	if g != nil {
		g.remove() // where it fails, so does what follows
	}
	return WriteFile(filepath.Join(j.dir, name), func(w io.Writer) error {
		if name == LogFile {
			return writeLog(w, run.Record.Started, run.Seconds)
		}
		return writeTimeline(w, run.Seconds)
	})
}

// wrote reports whether the first n seconds that were added are those of the run, and
// whether the header has all of its operations.
func (j *Journal) wrote(n int, seconds []series.Second) bool {
	if n > len(seconds) || len(timelineNames(seconds)) != len(timelineNames(nil)) {
		return false
	}
	for i, s := range j.mu.seconds[:n] {
		if !s.Same(seconds[i]) {
			return false
		}
	}
	return true
}

// Abandon gives the folder back that no record will be written to: nobody came.
func (j *Journal) Abandon() error {
	j.end()
	j.release()
	err := j.progress.remove()
	for _, g := range []*growing{j.log, j.timeline} {
		if g != nil {
			err = errors.Join(err, g.remove())
		}
	}
	if j.made {
		os.Remove(j.dir) // unless somebody else wrote there, such as a server its log
	}
	return err
}

// end waits until all that was added has been tried.
func (j *Journal) end() {
	j.mu.Lock()
	j.mu.ended = true
	j.mu.more.Signal()
	j.mu.Unlock()
	j.writing.Wait()
}
