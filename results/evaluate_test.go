package results

import (
	"testing"
	"time"
)

func TestThresholdsAreHeldAgainstWhatWasSeen(t *testing.T) {
	for _, c := range []struct {
		expression, observed string
		passed               bool
	}{
		{"response(create) p99 < 200ms", "40.0ms", true},
		{"response(create) p99 < 10ms", "40.0ms", false},
		{"response(create) p50 < 10ms", "3.0ms", true},
		{"response(create) max <= 40ms", "40.0ms", false}, // 40.000 ms is in a bucket that reaches to 40.031
		{"service(create) p99 < 10ms", "2.0ms", true},
		{"lag(create) mean < 10ms", "19.5ms", false},
		{"response(create) p99 < 10ms in any 1s", "40.0ms at 2s", false},
		{"response(create) p50 < 10ms in any 2s", "40.0ms at 2s", false},
		{"response(delivery) p50 < 10ms in any 1s", "9.0ms at 1s", true},
		{"response(renew) p99 < 1s", "no data", false},
		{"response(renew) p99 < 1s in any 2s", "no data", false},
		{"rate(create) > 60/s", "66.7/s", true}, // warm-up does not count
		{"rate(create) >= 100/s in any 2s", "50.0/s at 2s", false},
		{"rate(renew) < 100/s", "no data", false},
		{"failures < 0.1%", "1.96%", false},
		{"failures == 5", "5", true},
		{"failures(create) < 5%", "2.44%", true},
		{"failures(create) < 2% in any 1s", "4.76% at 2s", false},
		{"failures(delivery) == 0", "0", true},
		{"failures(renew) == 0", "no data", false},
		{"violations == 0", "0", true},
		{"violations(release) == 0", "0", true},
		{"unmatched <= 5", "5", true},
		{"unmatched < 1%", "4.55%", false},
		{"server cpu < 1.5ms/session", "1.00ms/session", true},
		{"loadgen memory < 50MB", "60.0MB", false},
		{"redis cpu < 1ms/session", "no data: not measured", false},
	} {
		got := Evaluate(parse(t, c.expression), play(t))[0]
		if want := (ThresholdResult{c.expression, c.observed, c.passed}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestAWindowLongerThanTheRunIsTheRun(t *testing.T) {
	got := Evaluate(parse(t, "rate(create) > 60/s in any 1m"), play(t))[0]
	if got.Observed != "66.7/s at 1s" || !got.Passed {
		t.Errorf("got %+v", got)
	}
}

func TestNothingPassesInAnEmptyRun(t *testing.T) {
	for _, e := range []string{"response(create) p99 < 1s", "response(create) p99 < 1s in any 5s", "rate(create) < 1/s",
		"rate(create) < 1/s in any 5s", "failures == 0", "failures < 1% in any 5s", "unmatched < 1%"} {
		if got := Evaluate(parse(t, e), Run{})[0]; got.Passed {
			t.Errorf("%s passed: %s", e, got.Observed)
		}
	}
}

func TestTightestIsTheLowestUpperBoundOnATime(t *testing.T) {
	got := Tightest(parse(t, "response(create) p99 < 200ms", "service(create) p50 <= 50ms", "lag(create) p99 > 1ms", "violations == 0", "server cpu < 1ms/session"))
	if got != 50*time.Millisecond {
		t.Errorf("got %v", got)
	}
	if got := Tightest(parse(t, "violations == 0")); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestTheNarrowestMissIsOfABrokenBoundOnResponseOrLag(t *testing.T) {
	got := NarrowestMiss(parse(t, "response(create) p99 < 10ms", "response(create) p99 < 30ms", "response(create) p50 < 10ms",
		"service(create) p50 < 1ms", "response(renew) p50 < 1ms", "violations == 1"), play(t))
	if got.Round(time.Millisecond) != 10*time.Millisecond {
		t.Errorf("got %v", got)
	}
	if got := NarrowestMiss(parse(t, "response(create) p99 < 1s"), play(t)); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestTimesAreWrittenForPeople(t *testing.T) {
	for ms, want := range map[float64]string{0: "0ms", 0.0004: "0µs", 0.42: "420µs", 0.9996: "1.0ms", 3.14: "3.1ms", 99.94: "99.9ms",
		99.96: "100ms", 215.3: "215ms", 999.4: "999ms", 999.6: "1.00s", 1980: "1.98s", 12_340: "12.3s", 100_000: "1m40s", 725_000: "12m5s", -3.1: "-3.1ms"} {
		if got := FormatMillis(ms); got != want {
			t.Errorf("%v: got %s, want %s", ms, got, want)
		}
	}
	if got := formatShare(0.00002); got != "0.002%" {
		t.Errorf("got %s", got)
	}
}
