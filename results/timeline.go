package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

// timelineHead are the columns that every timeline has; four for each
// operation follow: OP_count, OP_failures, OP_p50_ms and OP_p99_ms of response
// time, the latter two empty where there was no sample.
var timelineHead = [...]string{"second", "phase", "warmup", "arrivals", "live", "done", "messages", "failures"}

// timelineNames are the operations of the columns: those that a scenario can ask
// for, whether they happened or not, and then any others of the seconds.
func timelineNames(seconds []series.Second) []string {
	names := slices.Clone(operation.Names())
	others := map[string]bool{}
	for _, s := range seconds {
		for name := range s.Operations {
			if !slices.Contains(names, name) {
				others[name] = true
			}
		}
	}
	return append(names, sortedKeys(others)...)
}

// writeTimeline writes the header and a line for every second.
func writeTimeline(w io.Writer, seconds []series.Second) error {
	names := timelineNames(seconds)
	if err := writeTimelineHead(w, names); err != nil {
		return err
	}
	return writeTimelineRows(w, names, seconds)
}

func writeTimelineHead(w io.Writer, names []string) error {
	head := slices.Clone(timelineHead[:])
	for _, name := range names {
		head = append(head, name+"_count", name+"_failures", name+"_p50_ms", name+"_p99_ms")
	}
	return csv.NewWriter(w).WriteAll([][]string{head})
}

func writeTimelineRows(w io.Writer, names []string, seconds []series.Second) error {
	out := csv.NewWriter(w)
	for _, s := range seconds {
		if err := out.Write(timelineRow(s, names)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func timelineRow(s series.Second, names []string) []string {
	var failures int64
	var times []string
	for _, name := range names {
		t := s.Operations[name]
		if t == nil {
			times = append(times, "0", "0", "", "")
			continue
		}
		failures += t.Failed()
		p50, p99 := "", ""
		if t.Response.TotalCount() > 0 {
			at := series.Percentiles(t.Response, 50, 99)
			p50, p99 = fmt.Sprintf("%.3f", millis(at[0])), fmt.Sprintf("%.3f", millis(at[1]))
		}
		times = append(times, integer(t.Response.TotalCount()), integer(t.Failed()), p50, p99)
	}
	row := []string{integer(int64(s.Second)), s.Phase, strconv.FormatBool(s.Warmup), integer(s.Arrived),
		integer(s.Live), integer(s.Done), integer(s.Messages), integer(failures)}
	return append(row, times...)
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }

// readTimeline reads what writeTimeline wrote. The seconds have no histograms
// yet; their failures are of AnyKind.
func readTimeline(r io.Reader) ([]series.Second, error) {
	in := csv.NewReader(r)
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if len(head) < len(timelineHead) || !slices.Equal(head[:len(timelineHead)], timelineHead[:]) {
		return nil, fmt.Errorf("header: want %s first", strings.Join(timelineHead[:], ","))
	}
	var seconds []series.Second
	for {
		row, err := in.Read()
		if err == io.EOF {
			return seconds, nil
		}
		if err != nil {
			return nil, err
		}
		s, err := readRow(head, row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(seconds)+2, err)
		}
		if s.Second != len(seconds) {
			return nil, fmt.Errorf("line %d: want second %d, found %d", len(seconds)+2, len(seconds), s.Second)
		}
		seconds = append(seconds, s)
	}
}

func readRow(head, row []string) (series.Second, error) {
	s := series.Second{Phase: row[1], Operations: map[string]*series.Times{}}
	var err error
	if s.Warmup, err = strconv.ParseBool(row[2]); err != nil {
		return s, fmt.Errorf("warmup: want true or false, found %q", row[2])
	}
	var second, failures int64
	for i, to := range map[int]*int64{0: &second, 3: &s.Arrived, 4: &s.Live, 5: &s.Done, 6: &s.Messages, 7: &failures} {
		if *to, err = count(head[i], row[i]); err != nil {
			return s, err
		}
	}
	s.Second = int(second)
	for i := len(timelineHead); i < len(head); i++ {
		name, ok := strings.CutSuffix(head[i], "_failures")
		if !ok || row[i] == "0" {
			continue
		}
		n, err := count(head[i], row[i])
		if err != nil {
			return s, err
		}
		s.Operations[name] = series.NewTimes()
		s.Operations[name].Failures[series.AnyKind] = series.Failures{Count: n}
	}
	return s, nil
}

func count(column, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: want a whole number of at least 0, found %q", column, text)
	}
	return n, nil
}
