package results

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"guestload/results/series"
)

func TestARecordReadsBackAsItWasWritten(t *testing.T) {
	run := play(t)
	run.Conclude(parse(t, "response(create) p99 < 200ms", "failures < 1%"))
	dir := filepath.Join(t.TempDir(), "new", "run")
	if err := Write(dir, run); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Record, run.Record) {
		t.Errorf("record:\n%+v\nwant\n%+v", got.Record, run.Record)
	}
	if len(got.Seconds) != len(run.Seconds) {
		t.Fatalf("%d seconds, want %d", len(got.Seconds), len(run.Seconds))
	}
	for i, s := range got.Seconds {
		want := run.Seconds[i]
		if s.Second != want.Second || s.Phase != want.Phase || s.Warmup != want.Warmup || s.Arrived != want.Arrived || s.Live != want.Live || s.Done != want.Done || s.Messages != want.Messages {
			t.Errorf("second %d: %+v, want %+v", i, s, want)
		}
		for name, times := range want.Operations {
			if s.Operations[name].Failed() != times.Failed() {
				t.Errorf("second %d, %s: %d failures, want %d", i, name, s.Operations[name].Failed(), times.Failed())
			}
			for kind, h := range s.Operations[name].Histograms() {
				if !equal(t, h, times.Histograms()[kind]) {
					t.Errorf("second %d, %s.%s differs", i, name, kinds[kind])
				}
			}
		}
	}
	// What is read gives the same verdicts as what was measured.
	thresholds := parse(t, "response(create) p99 < 10ms in any 1s", "failures(create) < 2% in any 1s")
	if a, b := Evaluate(thresholds, run), Evaluate(thresholds, got); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v, read back %+v", a, b)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".*")); len(files) > 0 {
		t.Errorf("left over: %v", files)
	}
}

func equal(t *testing.T, a, b *series.Histogram) bool {
	t.Helper()
	x, errX := a.EncodeV2()
	y, errY := b.EncodeV2()
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// The library's reader is strict about nothing, and is the standard's port to Go.
func TestTheLogOpensInTheStandardReader(t *testing.T) {
	var log bytes.Buffer
	run := play(t)
	if err := writeLog(&log, started, run.Seconds); err != nil {
		t.Fatal(err)
	}
	reader := hdrhistogram.NewHistogramLogReader(&log)
	var tags []string
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		tags = append(tags, h.Tag())
		second := int64(1)
		if len(tags) > 6 {
			second = 2
		}
		if want := started.UnixMilli() + 1000*second; h.StartTimeMs() != want || h.EndTimeMs() != want+1000 {
			t.Errorf("%s: %d..%d, want %d", h.Tag(), h.StartTimeMs(), h.EndTimeMs(), want)
		}
		if h.Tag() == "delivery.response" && (h.TotalCount() != 50 || h.Max() != 9_007) {
			t.Errorf("delivery: %d samples, max %d", h.TotalCount(), h.Max())
		}
	}
	if got := strings.Join(tags, " "); got != "create.response create.service create.lag delivery.response delivery.service delivery.lag create.response create.service create.lag" {
		t.Errorf("got %s", got)
	}
}

func TestARecordIsNeverOverwritten(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, play(t)); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, play(t)); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), dir+" already holds a run record") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderThatCannotBeWrittenIsSaidSoBeforeTheRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(filepath.Join(file, "run")); err == nil || !strings.Contains(err.Error(), "make a folder for the run record") {
		t.Errorf("got %v", err)
	}
	if _, err := NewDir(file, "burst", started); err == nil {
		t.Error("made a folder in a file")
	}
}

func TestAFileThatCouldNotBeFinishedIsNotLeftBehind(t *testing.T) {
	dir := t.TempDir()
	full := errors.New("no space left on device")
	err := WriteFile(filepath.Join(dir, RunFile), func(w io.Writer) error {
		_, err := w.Write([]byte("half a rec"))
		return errors.Join(err, full)
	})
	if want := "write " + filepath.Join(dir, RunFile) + ": "; !errors.Is(err, full) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNewFoldersAreNamedAfterScenarioAndTimeAndNeverShared(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs")
	for _, want := range []string{"my-burst--20260102T150405Z", "my-burst--20260102T150405Z-2", "my-burst--20260102T150405Z-3"} {
		got, err := NewDir(root, "my burst/", started)
		if err != nil || filepath.Base(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	for _, c := range []struct{ file, content, want string }{
		{RunFile, `{"schema":2}`, "this program reads schema 1"},
		{RunFile, `{"schema":1`, "unexpected EOF"},
		{TimelineFile, "a,b\n", "header: want second,phase"},
		{TimelineFile, "second,phase,warmup,arrivals,live,done,messages,failures\n1,x,false,0,0,0,0,0\n", "line 2: want second 0, found 1"},
		{TimelineFile, "second,phase,warmup,arrivals,live,done,messages,failures\n0,x,maybe,0,0,0,0,0\n", "want true or false"},
		{TimelineFile, "second,phase,warmup,arrivals,live,done,messages,failures\n0,x,true,0,-1,0,0,0\n", `live: want a whole number of at least 0, found "-1"`},
		{LogFile, "Tag=create,0,1,1,HIST\n", `line 1: tag "Tag=create"`},
		{LogFile, "Tag=create.response,9,1,1,HIST\n", `start "9": want a whole second of the timeline, 0..3`},
		{LogFile, "Tag=create.response,0,1,1,HIST\n", "line 1: histogram"},
		{LogFile, "1,1,1,HIST\n", `found "1,1,1,HIST": it was cut off`},
		{LogFile, "", "samples of create, where run.json counts"},
		{RunFile, "", "ends too early"},
	} {
		dir := t.TempDir()
		run := play(t)
		run.Conclude(nil)
		if err := Write(dir, run); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s %q: got %v, want %s", c.file, c.content, err, c.want)
		}
	}
	if _, err := Read(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadLog(f *testing.F) {
	h := series.NewHistogram()
	if err := h.RecordValues(1234, 5); err != nil {
		f.Fatal(err)
	}
	encoded, err := h.EncodeV2()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Tag=create.response,0.000,1.000,1.234," + string(encoded) + "\n")
	f.Add("#[StartTime: 1 (seconds since epoch)]\n\"a\"\nTag=a.lag,1,1,1,x")
	f.Fuzz(func(t *testing.T, text string) {
		seconds := []series.Second{{Operations: map[string]*series.Times{}}, {Second: 1, Operations: map[string]*series.Times{}}}
		if readLog(strings.NewReader(text), seconds, false) != nil {
			return
		}
		var again bytes.Buffer
		if err := writeLog(&again, started, seconds); err != nil {
			t.Fatal(err)
		}
		if err := readLog(&again, seconds, false); err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}

func FuzzReadTimeline(f *testing.F) {
	f.Add("second,phase,warmup,arrivals,live,done,messages,failures\n0,x,false,1,2,3,4,5\n")
	f.Add("second,phase,warmup,arrivals,live,done,messages,failures,create_count,create_failures,create_p50_ms,create_p99_ms\n0,\"a,b\",true,1,2,3,4,5,1,2,0.1,\n")
	f.Fuzz(func(t *testing.T, text string) {
		seconds, err := readTimeline(strings.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeTimeline(&again, seconds); err != nil {
			t.Fatal(err)
		}
		if second, err := readTimeline(&again); err != nil || len(second) != len(seconds) {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}
