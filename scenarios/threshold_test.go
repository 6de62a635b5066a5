package scenarios

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestThresholdsAreRead(t *testing.T) {
	for expression, want := range map[string]Threshold{
		"response(create) p99 < 200ms":          {Metric: MetricResponse, Operation: "create", Stat: "p99", Comparison: Below, Value: 200, Unit: Milliseconds},
		"service(delivery) mean <= 10ms":        {Metric: MetricService, Operation: "delivery", Stat: Mean, Comparison: AtMost, Value: 10, Unit: Milliseconds},
		"lag(match) p999 < 5ms":                 {Metric: MetricLag, Operation: "match", Stat: "p999", Comparison: Below, Value: 5, Unit: Milliseconds},
		"response(ack) p99.99 < 1.5s":           {Metric: MetricResponse, Operation: "ack", Stat: "p9999", Comparison: Below, Value: 1500, Unit: Milliseconds},
		"response(ack) max < 500us in any 1m0s": {Metric: MetricResponse, Operation: "ack", Stat: Max, Comparison: Below, Value: 0.5, Unit: Milliseconds, Window: time.Minute},
		"rate(delivery) > 100/s":                {Metric: MetricRate, Operation: "delivery", Comparison: Above, Value: 100, Unit: PerSecond},
		"rate(create) >= 90/min in any 10s":     {Metric: MetricRate, Operation: "create", Comparison: AtLeast, Value: 1.5, Unit: PerSecond, Window: 10 * time.Second},
		"failures < 0.1%":                       {Metric: MetricFailures, Comparison: Below, Value: 0.001, Unit: Share},
		"failures(create) == 0":                 {Metric: MetricFailures, Operation: "create", Comparison: Equals, Unit: Count},
		"failures <= 3 in any 5s":               {Metric: MetricFailures, Comparison: AtMost, Value: 3, Unit: Count, Window: 5 * time.Second},
		"violations == 0":                       {Metric: MetricViolations, Comparison: Equals, Unit: Count},
		"violations( one-partner )==0":          {Metric: MetricViolations, Rule: "one-partner", Comparison: Equals, Unit: Count},
		"unmatched <= 1":                        {Metric: MetricUnmatched, Comparison: AtMost, Value: 1, Unit: Count},
		"unmatched <= 1%":                       {Metric: MetricUnmatched, Comparison: AtMost, Value: 0.01, Unit: Share},
		"server cpu < 1.0ms/session":            {Metric: MetricCPU, Process: "server", Comparison: Below, Value: 1, Unit: MsPerSession},
		"loadgen cpu < 250us/session":           {Metric: MetricCPU, Process: "loadgen", Comparison: Below, Value: 0.25, Unit: MsPerSession},
		"server memory < 500MB":                 {Metric: MetricMemory, Process: "server", Comparison: Below, Value: 500, Unit: Megabytes},
		"  redis  memory<1.5GB ":                {Metric: MetricMemory, Process: "redis", Comparison: Below, Value: 1500, Unit: Megabytes},
		"fallback < 800ms":                      {Metric: MetricFallback, Comparison: Below, Value: 800, Unit: Milliseconds},
		"recovery <= 2s":                        {Metric: MetricRecovery, Comparison: AtMost, Value: 2000, Unit: Milliseconds},
		"ghosts < 10s":                          {Metric: MetricGhosts, Comparison: Below, Value: 10000, Unit: Milliseconds},
	} {
		got, err := ParseThreshold(expression)
		want.Expression = strings.TrimSpace(expression)
		if err != nil || math.Abs(got.Value-want.Value) > 1e-12 {
			t.Errorf("%q: %+v, %v", expression, got, err)
			continue
		}
		if got.Value = want.Value; got != want {
			t.Errorf("%q: got %+v, want %+v", expression, got, want)
		}
	}
}

func TestThresholdErrorsReadAsInTheGoldenFile(t *testing.T) {
	var told strings.Builder
	for _, expression := range []string{
		"", " ", "fast", "response", "response < 5ms", "response() p99 < 5ms", "response(create p99 < 5ms", "response(create) < 5ms",
		"response(create) p100 < 5ms", "response(create) p9 < 5ms", "response(create) p00 < 5ms", "response(create) p99. < 5ms",
		"response(create) median < 5ms", "response(create) p99", "response(create) p99 = 5ms", "response(create) p99 != 5ms",
		"response(create) p99 <", "response(create) p99 < 5", "response(create) p99 < -5ms", "response(create) p99 < 5 ms",
		"response(create) p99 < 0ms", "response(create) p99 < 5/s", "rate(create) > 100", "rate > 100/s", "rate(create) p99 > 100/s",
		"failures p99 < 1%", "failures < 101%", "failures < 0", "failures < 1e-3", "failures == NaN", "failures(sign-up) == 0",
		"violations < 1%", "violations(one) == 0", "violations == 0 in any 5s", "unmatched(match) == 0", "unmatched < 1% in any 5s",
		"server", "server disk < 5MB", "server cpu < 5ms", "server cpu < 5/session", "server memory < 500", "server memory < 0MB",
		"server memory < 500MiB", "server memory < 500MB in any 5s", "failures == 0 in any", "failures == 0 in any 5",
		"failures == 0 in any 1500ms", "failures == 0 in any 2h", "failures == 0 in every 5s", "failures == 0 in any 5s please", "failures == 0 really",
		"Antwortzeit(create) p99 ≤ 5ms", "response(create) p99 ≤ 5ms",
	} {
		_, err := ParseThreshold(expression)
		var at *ThresholdError
		if !errors.As(err, &at) || at.Expression != expression {
			t.Errorf("%q: got %v, want a *ThresholdError", expression, err)
			continue
		}
		fmt.Fprintln(&told, err)
	}
	golden(t, "testdata/thresholds.golden", told.String())
}

func TestPercentilesOfStats(t *testing.T) {
	for stat, want := range map[Stat]float64{"p50": 50, "p05": 5, "p99": 99, "p999": 99.9, "p9999": 99.99, Mean: 0, Max: 0, "": 0} {
		got, ok := stat.Percentile()
		if math.Abs(got-want) > 1e-9 || ok != (want > 0) {
			t.Errorf("%q: got %v, %v, want %v", stat, got, ok, want)
		}
	}
}

func TestComparisonsHold(t *testing.T) {
	for _, c := range []struct {
		comparison         Comparison
		below, same, above bool
	}{
		{Below, true, false, false}, {AtMost, true, true, false}, {Above, false, false, true},
		{AtLeast, false, true, true}, {Equals, false, true, false}, {"~", false, false, false},
	} {
		got := [3]bool{c.comparison.Holds(1, 2), c.comparison.Holds(2, 2), c.comparison.Holds(3, 2)}
		if got != [3]bool{c.below, c.same, c.above} || c.comparison.Holds(math.NaN(), 2) {
			t.Errorf("%s: %v", c.comparison, got)
		}
	}
}
