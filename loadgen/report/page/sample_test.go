package page

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
)

const scenarioSource = `# Purpose: the moment a link goes round.
scenario: burst
about: 1,500 guests arrive within 10 s, meet, talk and leave.
seed: 1
phases:
  - {name: warm-up, arrivals: 20/s, for: 3s, record: false}
  - {name: burst, guests: 1500, within: 10s, spacing: poisson}
guests:
  - script: talker
    weight: 90
    steps: [create, connect, {search: {within: 10s}}, {chat: {messages: 5..10, think: 200ms..800ms, length: 20..200}}, drop]
thresholds:
  - response(create) p99 < 200ms
`

// sample is a run of a burst such as a small server gives: three seconds of
// warm-up, ten of arrivals, twelve in which the guests leave. In one second the
// server stood still: response time tells, service time does not.
func sample(t *testing.T) Page {
	t.Helper()
	dice := rand.New(rand.NewPCG(1, 2))
	medians := []struct {
		name   string
		micros float64
	}{{"create", 420}, {"connect", 700}, {"match", 15_000}, {"ack", 650}, {"delivery", 1_200}}
	var seconds []series.Second
	var usage []Spent
	live := int64(0)
	for s := range 25 {
		second := series.Second{Second: s, Phase: "burst", Operations: map[string]*series.Times{}}
		switch {
		case s < 3:
			second.Phase, second.Warmup, second.Arrived = "warm-up", true, 20
		case s < 13:
			second.Arrived = 130 + dice.Int64N(40)
		}
		live += second.Arrived
		second.Done = min(live, int64(float64(live)*0.22))
		if s > 20 {
			second.Done = live * int64(s-20) / 4
		}
		live -= second.Done
		second.Live, second.Messages = live, live*2
		if !second.Warmup {
			for _, op := range medians {
				n := second.Arrived
				if op.name == "ack" || op.name == "delivery" {
					n = second.Messages
				}
				if n > 0 {
					second.Operations[op.name] = play(t, dice, int(n), op.micros, s == 9)
				}
			}
		}
		if s == 9 {
			second.Operations["connect"].Failures["timeout"] = series.Failures{Count: 13, Waited: 65 * time.Second, Longest: 5003 * time.Millisecond}
			second.Operations["connect"].Failures["refused"] = series.Failures{Count: 1, Waited: time.Millisecond, Longest: time.Millisecond}
		}
		seconds = append(seconds, second)
		load := float64(live) / 600
		usage = append(usage, Spent{Second: s, Of: map[string]Use{
			"server":  {Cores: round(0.05 + 0.8*load), MemoryMB: round(24 + float64(live)*0.03)},
			"redis":   {Cores: round(0.02 + 0.15*load), MemoryMB: 12},
			"loadgen": {Cores: round(0.04 + 0.45*load), MemoryMB: round(18 + float64(live)*0.012)},
		}})
	}
	run := results.Run{Seconds: seconds, Record: results.Record{
		Scenario: "burst", ScenarioHash: "9f2c4b1de07a55c3a2b8f60e1c7d94420f6f5be3a58c2f0c92d1a7be64c1f083", Seed: 1,
		Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), DurationSec: 24.6,
		Environment: results.Environment{Commit: "c97bda8d0f3b8ce41fb9e7da1f1c6ad5b0f1a2c3", Go: "go1.26.8", OS: "linux/amd64 6.1.0", CPU: "AMD EPYC 9B14", CPUs: 2, Target: "embedded", Transport: "ws", Storage: "redis"},
		Guests:      results.Guests{Planned: 1560, Started: 1560, Completed: 1544, Failed: 14, Unmatched: 2},
		Violations:  []results.Violation{{Rule: "one-partner"}},
		Resources: results.Resources{
			Server:  &results.Usage{CPUSec: 9.1, RSSPeakMB: 46, CPUMsPerSession: 5.83},
			Redis:   &results.Usage{CPUSec: 1.9, RSSPeakMB: 12, CPUMsPerSession: 1.22, CommandsPerSession: 21.4, SentPerSession: 5.2},
			Loadgen: &results.Usage{CPUSec: 5.2, RSSPeakMB: 27, CPUMsPerSession: 3.33},
		},
	}}
	conclude(t, &run, "response(create) p99 < 2s", "response(match) p50 < 1s", "response(delivery) p99 < 2s in any 5s", "failures < 1%", "unmatched <= 2", "violations == 0")
	if run.Record.Outcome != results.Passed {
		t.Fatalf("the sample: %s, %+v, %q", run.Record.Outcome, run.Record.Thresholds, run.Record.Invalid)
	}
	return Page{Run: run, Scenario: []byte(scenarioSource), Usage: usage}
}

// play draws log-normal times around a median in µs.
func play(t *testing.T, dice *rand.Rand, n int, median float64, stalled bool) *series.Times {
	t.Helper()
	times := series.NewTimes()
	for range n {
		service := int64(median * math.Exp(0.55*dice.NormFloat64()))
		lag := int64(20 + dice.ExpFloat64()*30)
		if stalled {
			lag += int64(dice.Float64() * 900_000)
		}
		for h, us := range map[*series.Histogram]int64{times.Service: service, times.Lag: lag, times.Response: service + lag} {
			if err := h.RecordValue(us); err != nil {
				t.Fatal(err)
			}
		}
	}
	return times
}

func conclude(t *testing.T, run *results.Run, expressions ...string) {
	t.Helper()
	var thresholds []scenarios.Threshold
	for _, e := range expressions {
		threshold, err := scenarios.ParseThreshold(e)
		if err != nil {
			t.Fatal(err)
		}
		thresholds = append(thresholds, threshold)
	}
	run.Conclude(thresholds)
}

// hostile is a run in which everything went wrong, told in words that try to
// be more than text.
func hostile(t *testing.T) Page {
	t.Helper()
	const attack = `<script>document.title="broken out"</script><img src=http://example.invalid/x onerror="document.title='broken out'">`
	p := sample(t)
	r := &p.Run.Record
	r.Scenario = "burst " + attack
	r.Environment.Target = "http://a-very-long-name-that-does-not-break-anywhere.example.invalid:8080/" + attack
	r.Warnings = []string{"the machine was busy: 1.7 of 2 cores, " + attack}
	r.Guests.Dropped, r.Guests.Planned = 40, 1600
	r.Violations = []results.Violation{
		{Rule: "one-partner", Count: 7, Examples: []string{
			"guest 17 was matched with guest 18, and a moment later with guest 402\n  9.204 s  17 ← match:found  room r-8812 with 18\n  9.207 s  17 ← match:found  room r-8813 with 402\nexpected: one partner at a time",
			"guest 18: " + attack + " " + string(make([]byte, 3)) + " said the message </script><!--",
		}},
		{Rule: "in-order", Count: 1, Examples: []string{"guest 9 heard message 4 before message 3"}},
	}
	after := 732.0
	r.Faults = []results.Fault{
		{At: 4, Action: "kill", Victim: "redis", Fallback: &after}, {At: 4.2, Action: "start", Victim: "redis"},
		{At: 12, Action: "kill", Victim: "instance 2 " + attack, Ghosts: &after, CutOff: 1200, Returned: 1100},
	}
	r.Resources.Servers = []results.Usage{{CPUSec: 4.2, RSSPeakMB: 24, CPUMsPerSession: 2.7}, {CPUSec: 4.9, RSSPeakMB: 22, CPUMsPerSession: 3.1}}
	for i, u := range p.Usage {
		all := u.Of["server"]
		if u.Of["server 1"] = (Use{Cores: round(all.Cores * 0.6), MemoryMB: round(all.MemoryMB * 0.6)}); i < 12 {
			u.Of["server 2"] = Use{Cores: round(all.Cores * 0.4), MemoryMB: round(all.MemoryMB * 0.4)}
		}
	}
	p.Scenario = []byte(scenarioSource + "# " + attack + " " + `</script> {{.Title}} ${x} \u003c` + "\n")
	conclude(t, &p.Run, "response(create) p99 < 20ms", "response(delivery) p99 < 100ms in any 5s", "failures < 0.1%", "violations == 0")
	return p
}
