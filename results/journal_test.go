package results

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"guestload/results/series"
)

// begin starts a journal in a new folder.
func begin(t *testing.T, dir string, record Record) *Journal {
	t.Helper()
	j, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Begin(Start{Record: record, Thresholds: []string{"response(create) p99 < 200ms"}, Scenario: "# mine\n"}); err != nil {
		t.Fatal(err)
	}
	return j
}

// until is how the runs of these tests stood after some of their seconds.
func until(seconds []series.Second) (all []Progress) {
	for _, s := range seconds {
		p := NewProgress(s)
		p.Guests, p.Violations = Guests{Planned: 110, Started: 100, Completed: 80, Failed: 5, Dropped: 25}, 2
		p.Usage = map[string]Use{"loadgen": {Cores: 0.5, MemoryMB: 20}}
		all = append(all, p)
	}
	return all
}

// written waits until the journal has tried all that was added.
func written(t *testing.T, j *Journal, seconds int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		r, err := Recover(j.dir)
		if err == nil && len(r.Run.Seconds) == seconds && len(r.Usage) == seconds {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d seconds of %d: %v", len(r.Run.Seconds), seconds, err)
		}
	}
}

func TestARunThatIsKilledIsShownUntilThen(t *testing.T) {
	run := play(t)
	run.Seconds[2].Operations["create"].Retries = 3
	dir := filepath.Join(t.TempDir(), "run")
	j := begin(t, dir, run.Record)
	for i, s := range run.Seconds[:3] { // one by one
		j.Add([]series.Second{s}, until([]series.Second{s}))
		written(t, j, i+1)
	}
	// The process is killed in the middle of its next write, of each file.
	for _, name := range []string{LogFile, TimelineFile, UnfinishedFile} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`Tag=create.response,3.000,1.0`); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	r, err := Recover(dir)
	if err != nil {
		t.Fatal(err)
	}
	record := r.Run.Record
	if len(r.Run.Seconds) != 3 || record.DurationSec != 3 || !record.Interrupted || record.Outcome != Invalid || r.Scenario != "# mine\n" {
		t.Errorf("%d seconds, record %+v", len(r.Run.Seconds), record)
	}
	if record.Seed != 7 || !reflect.DeepEqual(record.Environment, run.Record.Environment) || len(record.Thresholds) != 1 || !record.Thresholds[0].Passed {
		t.Errorf("the start is lost: %+v", record)
	}
	if g := record.Guests; g != (Guests{Planned: 110, Started: 100, Completed: 80, Failed: 5, Dropped: 25}) {
		t.Errorf("guests %+v", g)
	}
	if o := record.Operations["create"]; o.Count != 200 || o.Failures["timeout"] != 4 || o.Failures["refused"] != 1 || o.Waits["timeout"].Max != 3000 || o.Retries != 3 {
		t.Errorf("create: %+v", o)
	}
	if why := strings.Join(record.Invalid, "\n"); !strings.Contains(why, "killed") || !strings.Contains(why, "100 of 110 guests had started") || !strings.Contains(why, "2 violations") {
		t.Errorf("invalid because %s", why)
	}
	if len(r.Usage) != 3 || r.Usage[2].Of["loadgen"].MemoryMB != 20 {
		t.Errorf("usage %+v", r.Usage)
	}
	if _, err := Claim(dir); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a second run in the folder of one that was killed: %v", err)
	}
}

func TestWhatCannotBeRecoveredIsSaidSo(t *testing.T) {
	if _, err := Recover(t.TempDir()); !errors.Is(err, ErrNotUnfinished) {
		t.Errorf("an empty folder: %v", err)
	}
	const start = `{"record":{},"thresholds":[],"scenario":""}` + "\n"
	const head = "second,phase,warmup,arrivals,live,done,messages,failures\n"
	for _, c := range []struct{ unfinished, timeline, log, want string }{
		{"", "", "", "before its first guest"},
		{`{"record":{`, "", "", "before its first guest"},
		{"nonsense\n", "", "", "its first line"},
		{`{"thresholds":["x"]}` + "\n", "", "", UnfinishedFile},
		{start, "a,b\n", "", TimelineFile},
		{start, head + "0,x,false,0,0,0,0,0\n", "Tag=create\n", LogFile},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{UnfinishedFile: c.unfinished, TimelineFile: c.timeline, LogFile: c.log} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Recover(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestLinesOfSecondsThatAreNotThereAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	if err := writeLog(&log, started, play(t).Seconds); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		UnfinishedFile: `{"record":{"scenario":"s"}}` + "\n" + `{"second":-1}` + "\n" + `{"second":9}` + "\n", LogFile: log.String(),
		TimelineFile: "second,phase,warmup,arrivals,live,done,messages,failures\n0,x,false,1,1,0,0,0\n1,x,false,0,1,0,0,0\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Recover(dir)
	if err != nil || len(r.Run.Seconds) != 2 || r.Run.Record.Operations["create"].Count != 100 {
		t.Errorf("%v, %d seconds, %+v", err, len(r.Run.Seconds), r.Run.Record.Operations["create"])
	}
}

func TestAJournalEndsAsTheRecordOfItsRun(t *testing.T) {
	for name, change := range map[string]func(*Run){
		"all added": func(*Run) {},
		"the end is added": func(r *Run) {
			r.Seconds = append(r.Seconds, series.Second{Second: 4, Phase: "burst", Operations: map[string]*series.Times{}})
		},
		"seconds changed":    func(r *Run) { r.Seconds[2].Operations["create"] = times(t, 7, 3, 2) },
		"fewer than added":   func(r *Run) { r.Seconds = r.Seconds[:2] },
		"an operation of us": func(r *Run) { r.Seconds[3].Operations["refund"] = times(t, 7, 3, 2) },
		"another start":      func(r *Run) { r.Record.Started = r.Record.Started.Add(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			j := begin(t, dir, play(t).Record)
			for _, s := range play(t).Seconds {
				j.Add([]series.Second{s}, until([]series.Second{s}))
			}
			run := play(t)
			change(&run)
			run.Conclude(nil)
			if failed := j.Finish(run); failed != nil {
				t.Fatal(failed)
			}
			got, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Record, run.Record) || len(got.Seconds) != len(run.Seconds) {
				t.Errorf("%d seconds, want %d; record\n%+v, want\n%+v", len(got.Seconds), len(run.Seconds), got.Record, run.Record)
			}
			whole := filepath.Join(t.TempDir(), "whole")
			if err := Write(whole, run); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{LogFile, TimelineFile, RunFile} {
				a, errA := os.ReadFile(filepath.Join(dir, name))
				b, errB := os.ReadFile(filepath.Join(whole, name))
				if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
					t.Errorf("%s differs from one written at once: %v\n%s\n%s", name, err, a, b)
				}
			}
			onlyRecord(t, dir)
		})
	}
}

// onlyRecord checks that there is no file but those of a record.
func onlyRecord(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := f.Name(); name != RunFile && name != LogFile && name != TimelineFile {
			t.Errorf("%s is left", name)
		}
	}
}

// disk is a file on a disk that takes so many bytes.
type disk struct {
	*os.File
	left *int
}

var errFull = errors.New("no space left on device")

func (d disk) WriteAt(b []byte, at int64) (int, error) {
	n := min(len(b), *d.left)
	*d.left -= n
	n, err := d.File.WriteAt(b[:n], at)
	if n < len(b) {
		err = errors.Join(err, errFull)
	}
	return n, err
}

// However far the disk reaches, the files have whole lines, and once there is space
// again they are whole.
func TestAFullDiskLeavesWholeLines(t *testing.T) {
	var text bytes.Buffer
	if err := writeLog(&text, started, play(t).Seconds); err != nil {
		t.Fatal(err)
	}
	for space := 0; space < text.Len()+400; space += 97 {
		t.Run(fmt.Sprint(space), func(t *testing.T) {
			run := play(t)
			run.Conclude(nil)
			dir := filepath.Join(t.TempDir(), "run")
			j := begin(t, dir, run.Record)
			left := space
			for _, g := range []*growing{j.log, j.timeline, j.progress} {
				g.file = disk{g.file.(*os.File), &left}
			}
			for _, s := range run.Seconds {
				j.Add([]series.Second{s}, until([]series.Second{s}))
			}
			j.end()
			for _, name := range []string{LogFile, TimelineFile, UnfinishedFile} {
				if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(b) > 0 && b[len(b)-1] != '\n' {
					t.Errorf("%s ends with half a line: %v, %q", name, err, b)
				}
			}
			if _, err := Recover(dir); err != nil {
				t.Error(err)
			}
			left = 1 << 20 // somebody made room
			if failed := j.Finish(run); failed != nil {
				t.Fatal(failed)
			}
			if _, err := Read(dir); err != nil {
				t.Error(err)
			}
			onlyRecord(t, dir)
		})
	}
}

func TestEachFileThatCannotBeWrittenIsALine(t *testing.T) {
	run := play(t)
	run.Conclude(nil)
	dir := filepath.Join(t.TempDir(), "run")
	j := begin(t, dir, run.Record)
	left := 500 // enough for run.json, which does not go through it, and less than the log
	for _, g := range []*growing{j.log, j.timeline} {
		g.file = disk{g.file.(*os.File), &left}
	}
	j.Add(run.Seconds, until(run.Seconds))
	failed := j.Finish(run)
	if len(failed) != 2 {
		t.Fatalf("got %q, want two", failed)
	}
	for i, name := range []string{LogFile, TimelineFile} {
		if text, want := failed[i].Error(), "write "+filepath.Join(dir, name)+": no space left on device"; !errors.Is(failed[i], errFull) || text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	onlyRecord(t, dir)
	if b, err := os.ReadFile(filepath.Join(dir, RunFile)); err != nil || !bytes.HasSuffix(b, []byte("}\n")) {
		t.Errorf("run.json: %v, %s", err, b)
	}
}

func TestAFolderThatNobodyPlayedInIsGivenBack(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"claimed", "begun"} {
		dir := filepath.Join(parent, name)
		j, err := Claim(dir)
		if err != nil {
			t.Fatal(err)
		}
		if name == "begun" {
			if err := j.Begin(Start{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Abandon(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the folder is left: %v", name, err)
		}
	}
	mine := filepath.Join(parent, "mine")
	if err := os.WriteFile(mine+".txt", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	j, err := Claim(mine)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Abandon(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a folder that was there before is gone: %v", err)
	}
}

func TestPartsOfARecordAreNotOverwritten(t *testing.T) {
	for _, name := range []string{RunFile, LogFile, TimelineFile, UnfinishedFile} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Claim(dir); !errors.Is(err, ErrTaken) || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != "mine" {
			t.Errorf("%s: %v, %q", name, err, b)
		}
	}
}

func FuzzRecover(f *testing.F) {
	f.Add(`{"record":{"scenario":"s"},"thresholds":["failures == 0"]}`+"\n"+`{"second":0,"guests":{"planned":3},"failures":{"create":{"timeout":{"Count":1}}}}`+"\n",
		"second,phase,warmup,arrivals,live,done,messages,failures,create_count,create_failures,create_p50_ms,create_p99_ms\n0,x,false,1,2,3,4,5,0,1,,\n")
	f.Fuzz(func(t *testing.T, unfinished, timeline string) {
		dir := t.TempDir()
		for name, text := range map[string]string{UnfinishedFile: unfinished, TimelineFile: timeline} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := Recover(dir); err == nil && r.Run.Record.Outcome == Passed {
			t.Errorf("a run that was cut off passed: %+v", r.Run.Record)
		}
	})
}
