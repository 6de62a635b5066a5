package results_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"guestload/results"
	"guestload/results/compare"
	"guestload/results/series"
)

// newRun makes a run of 20 seconds, with 50 requests in each.
func newRun(millis int64) results.Run {
	run := results.Run{Record: results.Record{
		Scenario: "burst", Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), DurationSec: 20,
		Guests: results.Guests{Planned: 1000, Started: 1000, Completed: 1000},
	}}
	for second := range 20 {
		times := series.NewTimes()
		for i := range int64(50) {
			micros := 1000*millis + 10*i + int64(second)
			_ = times.Response.RecordValue(micros) // within the range of every histogram
			_ = times.Service.RecordValue(micros)
			_ = times.Lag.RecordValue(1)
		}
		run.Seconds = append(run.Seconds, series.Second{
			Second: second, Arrived: 50, Done: 50, Operations: map[string]*series.Times{"create": times},
		})
	}
	run.Conclude(nil)
	return run
}

// Two runs are written, read again and compared.
func Example() {
	dir, err := os.MkdirTemp("", "records")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var runs []results.Run
	for name, millis := range map[string]int64{"before": 10, "after": 12} {
		if err := results.Write(filepath.Join(dir, name), newRun(millis)); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, name := range []string{"before", "after"} {
		run, err := results.Read(filepath.Join(dir, name))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s, create p99 %.1f ms\n", name, run.Record.Outcome, run.Record.Operations["create"].Response.P99)
		runs = append(runs, run)
	}
	comparison, err := compare.Runs(runs...)
	if err != nil {
		fmt.Println(err)
		return
	}
	row := comparison.Rows[0]
	fmt.Printf("%s(%s) %s: %.2f times, %s\n", row.Kind, row.Operation, row.Percentile, row.Changes[0].Ratio, row.Changes[0].Finding)
	// Output:
	// before: unjudged, create p99 10.5 ms
	// after: unjudged, create p99 12.5 ms
	// response(create) p50: 1.20 times, slower
}
