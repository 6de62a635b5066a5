package results

import (
	"testing"

	"guestload/scenarios"
)

func TestThresholdsOfFaultsTakeTheLongest(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	faults := []Fault{
		{Action: "kill", Victim: "redis", Fallback: ms(20)}, {Action: "start", Victim: "redis", Recovery: ms(500)},
		{Action: "freeze", Victim: "redis", Fallback: ms(740)}, {Action: "thaw", Victim: "redis"},
		{Action: "kill", Victim: "instance 2", Ghosts: ms(7150)},
	}
	for expression, want := range map[string]struct {
		observed string
		passed   bool
	}{
		"fallback < 800ms": {"740ms", true},
		"fallback < 740ms": {"740ms", false},
		"recovery < 1h":    {"not seen before the end", false},
		"ghosts < 10s":     {"7.15s", true},
	} {
		threshold, err := scenarios.ParseThreshold(expression)
		if err != nil {
			t.Fatal(err)
		}
		got := Evaluate([]scenarios.Threshold{threshold}, Run{Record: Record{Faults: faults}})[0]
		if got.Observed != want.observed || got.Passed != want.passed {
			t.Errorf("%s: %+v, want %+v", expression, got, want)
		}
		if got := Evaluate([]scenarios.Threshold{threshold}, Run{})[0]; got.Passed || got.Observed != "no data: no such fault" {
			t.Errorf("%s without faults: %+v", expression, got)
		}
	}
}
