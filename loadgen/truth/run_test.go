package truth

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/results"
)

// program is the generator, which build builds, once.
var program = filepath.Join(os.TempDir(), fmt.Sprintf("loadgen-of-test-%d", os.Getpid()))

var build = sync.OnceValue(func() error {
	if out, err := exec.Command("go", "build", "-o", program, "guestload/loadgen").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

// plan is a run in which guests come at a rate, ask for a session, and then read it.
type plan struct {
	rate    int // guests a second
	seconds int
	spacing string
	bound   string // of the p99 of response time, by threshold; "" for 10 s
	text    string // of another scenario, "" for this one
	flags   []string
	nice    string // the command that gives the generator its priority, "" for none
	// during is called when the generator was started. The run is over when both are.
	during func(generator *os.Process)
}

func (p plan) guests() int { return p.rate * p.seconds }

func (p plan) scenario() string {
	if p.text != "" {
		return p.text
	}
	bound := p.bound
	if bound == "" {
		bound = "10s"
	}
	return fmt.Sprintf(`scenario: truth
about: guests ask for a session, and read it.
phases:
  - {name: all, arrivals: %d/s, for: %ds, spacing: %s}
guests:
  - script: asker
    steps: [create, fetch]
feeds:
  usernames: {file: names.txt}
thresholds:
  - response(create) p99 < %s
`, p.rate, p.seconds, p.spacing, bound)
}

// outcome is what came of a run.
type outcome struct {
	code   int
	record results.Record
	output string
	drift  time.Duration // by which the wall clock went another way than time
}

// run runs the generator against the server.
func (p plan) run(t *testing.T, target string) outcome {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var names strings.Builder
	for i := range p.guests() + p.guests()/10 { // a random number of guests may be more than planned
		fmt.Fprintf(&names, "guest%d\n", i)
	}
	for name, text := range map[string]string{"names.txt": names.String(), "truth.yaml": p.scenario()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	record := filepath.Join(dir, "record")
	args := append([]string{program, "--scenario", filepath.Join(dir, "truth.yaml"), "--target", target, "--out", record, "--quiet"}, p.flags...)
	if p.nice != "" {
		args = append(strings.Fields(p.nice), args...)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if p.during != nil {
		p.during(cmd.Process)
	}
	cmd.Wait() // what it says is in the state
	end := time.Now()
	r, err := results.Read(record)
	if err != nil {
		t.Fatalf("exit code %d, %v\n%s", cmd.ProcessState.ExitCode(), err, out.String())
	}
	drift := end.Sub(begin) - end.Round(0).Sub(begin.Round(0))
	return outcome{cmd.ProcessState.ExitCode(), r.Record, out.String(), drift.Abs()}
}

// bounds are the least and the most that each guest's response time can have
// been, in order of size. The guests were due at an even rate.
func (o outcome) bounds(t *testing.T, p plan, deeds []deed) (least, most []time.Duration) {
	t.Helper()
	started := o.record.Started.UnixNano()
	for i, d := range deeds[:p.guests()] {
		due := started + int64(math.Round(float64(i)/float64(p.rate)*1e9))
		if d.began == 0 || d.followed == 0 {
			t.Fatalf("guest %d: %+v; every guest comes, and comes again\n%s", i, d, o.output)
		}
		if early := time.Duration(due - d.began); early > o.slack() {
			t.Errorf("guest %d came %v before it was due", i, early)
		}
		least = append(least, time.Duration(d.answered-due))
		most = append(most, time.Duration(d.followed-due))
	}
	slices.Sort(least)
	slices.Sort(most)
	return least, most
}

// slack is how far two processes' clocks may be apart, and a bucket of a histogram.
func (o outcome) slack() time.Duration { return o.drift + 20*time.Microsecond }

// reported are the percentiles of a summary.
func reported(s results.Summary) []struct {
	percent float64
	value   time.Duration
} {
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	return []struct {
		percent float64
		value   time.Duration
	}{{50, ms(s.P50)}, {90, ms(s.P90)}, {95, ms(s.P95)}, {99, ms(s.P99)}, {99.9, ms(s.P999)}, {100, ms(s.Max)}}
}

// precision is that of a histogram with three digits, and room for rounding.
const precision = 0.002

// bounded checks that every reported percentile lies between the two truths.
func bounded(t *testing.T, what string, s results.Summary, least, most []time.Duration, slack time.Duration) {
	t.Helper()
	for _, r := range reported(s) {
		low, high := at(least, r.percent, -1), at(most, r.percent, 1)
		if float64(r.value) < float64(low-slack)*(1-precision) || float64(r.value) > float64(high+slack)*(1+precision) {
			t.Errorf("%s p%v: reported %v, the truth lies between %v and %v", what, r.percent, r.value, low, high)
		}
		t.Logf("%s p%v: reported %v, in truth %v to %v", what, r.percent, r.value, low, high)
	}
}

// at is a percentile of sorted values, off by so many ranks.
func at(sorted []time.Duration, percent float64, off int) time.Duration {
	rank := int(math.Round(percent/100*float64(len(sorted)))) - 1 + off
	return sorted[min(max(rank, 0), len(sorted)-1)]
}
