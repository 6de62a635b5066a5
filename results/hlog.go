package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"guestload/results/series"
)

// The three kinds of time in a log's tags, such as "create.response".
var kinds = [...]string{"response", "service", "lag"}

// writeLog writes the standard HdrHistogram log, version 1.3: for every second,
// operation and kind that has samples one line with its tag. Values are
// microseconds, the column Interval_Max is in milliseconds, and time stamps are
// seconds from BaseTime, which is StartTime.
//
// hdrhistogram-go's own writer cuts StartTime to whole seconds and takes values
// for nanoseconds, so only its encoding is used.
func writeLog(w io.Writer, started time.Time, seconds []series.Second) error {
	out := bufio.NewWriter(w)
	writeLogHead(out, started)
	if err := writeLogLines(out, seconds); err != nil {
		return err
	}
	return out.Flush() // a bufio.Writer keeps its first error
}

// writeLogHead writes the comments before the first line. An error is one of w.
func writeLogHead(out io.Writer, started time.Time) {
	fmt.Fprintf(out, "#[Histogram log format version %s]\n", hdrhistogram.HISTOGRAM_LOG_FORMAT_VERSION)
	fmt.Fprintf(out, "#[Values in microseconds; tags are operation.response, .service and .lag]\n")
	epoch := float64(started.UnixMilli()) / 1000
	fmt.Fprintf(out, "#[StartTime: %.3f (seconds since epoch), %s]\n", epoch, started.UTC().Format(time.RFC3339Nano))
	fmt.Fprintf(out, "#[BaseTime: %.3f (seconds since epoch)]\n", epoch)
	fmt.Fprintf(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n")
}

// writeLogLines writes the lines of the seconds.
func writeLogLines(out io.Writer, seconds []series.Second) error {
	for _, s := range seconds {
		for _, name := range sortedKeys(s.Operations) {
			for i, h := range s.Operations[name].Histograms() {
				if h.TotalCount() == 0 {
					continue
				}
				encoded, err := h.EncodeV2()
				if err != nil {
					return fmt.Errorf("encode %s.%s of second %d: %w", name, kinds[i], s.Second, err)
				}
				if _, err := fmt.Fprintf(out, "Tag=%s.%s,%d.000,1.000,%.3f,%s\n", name, kinds[i], s.Second, millis(h.Max()), encoded); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// readLog reads what writeLog wrote into the seconds, which must exist. Every
// line must be whole: a record that is damaged is no record. Of a run that was cut
// off, the log may have later seconds than the timeline: then they are left out.
func readLog(r io.Reader, seconds []series.Second, cutOff bool) error {
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" || line[0] == '#' || line[0] == '"' {
			continue
		}
		if err := readLine(line, seconds, cutOff); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}

func readLine(line string, seconds []series.Second, cutOff bool) error {
	fields := strings.Split(line, ",")
	if len(fields) != 5 || !strings.HasPrefix(fields[0], "Tag=") {
		return fmt.Errorf("want Tag=OPERATION.KIND,start,length,max,histogram; found %q: it was cut off, or is of another file", line[:min(len(line), 40)])
	}
	name, kind, ok := strings.Cut(fields[0][len("Tag="):], ".")
	which := slices.Index(kinds[:], kind)
	if !ok || name == "" || which < 0 {
		return fmt.Errorf("tag %q: want OPERATION.response, .service or .lag", fields[0])
	}
	start, err := strconv.ParseFloat(fields[1], 64)
	if cutOff && start >= float64(len(seconds)) {
		return nil
	}
	if err != nil || start != math.Trunc(start) || start < 0 || start >= float64(len(seconds)) {
		return fmt.Errorf("start %q: want a whole second of the timeline, 0..%d", fields[1], len(seconds)-1)
	}
	h, err := hdrhistogram.DecodePacked([]byte(fields[4]))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	s := &seconds[int(start)]
	if s.Operations[name] == nil {
		s.Operations[name] = series.NewTimes()
	}
	if dropped := s.Operations[name].Histograms()[which].Merge(h); dropped != 0 {
		return fmt.Errorf("%d samples of %s are above 1 h", dropped, fields[0])
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
