package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/flags"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

// hurried is the scenario in little: some guests, a few seconds, and the same
// steps. Times shrink together, so that what is to come first does.
func hurried(s scenarios.Scenario, guests int) (scenarios.Scenario, error) {
	s, err := s.WithGuests(max(guests, len(s.Phases)))
	if err != nil {
		return s, err
	}
	pace := min(1, 4/s.Length().Seconds())
	for i := range s.Phases {
		p := &s.Phases[i]
		p.For = time.Duration(float64(p.For) * pace)
		p.From, p.To = p.From/pace, p.To/pace
	}
	for _, script := range s.Scripts {
		for i := range script.Steps {
			step := &script.Steps[i]
			step.Until = time.Duration(float64(step.Until) * pace)
			step.At /= pace
			step.Within = min(step.Within, 4*time.Second)
			if step.Kind == scenarios.Deaf || s.Server.Tokens > 0 {
				continue // against a server's own times there is no hurry
			}
			for _, d := range []*scenarios.Draw{&step.Think, &step.For} {
				slow := max(d.A, d.B, d.Max)
				if d.Form == scenarios.LogNormal {
					slow = 10 * d.A
				}
				if f := 0.3 / slow; f < 1 {
					*d = faster(*d, f)
				}
			}
		}
	}
	return s, nil
}

// faster multiplies the times that d draws.
func faster(d scenarios.Draw, f float64) scenarios.Draw {
	d.A, d.Min, d.Max = d.A*f, d.Min*f, d.Max*f
	if d.Form != scenarios.LogNormal {
		d.B *= f
	}
	values := make([]float64, len(d.Values))
	for i, v := range d.Values {
		values[i] = v * f
	}
	d.Values = values
	return d
}

// clocked are thresholds that a busy machine may break, or that are of a size
// that the scenario in little has not.
func clocked(th scenarios.Threshold) bool {
	switch th.Metric {
	case scenarios.MetricFailures, scenarios.MetricViolations:
		return false
	case scenarios.MetricRate:
		return th.Value > 0
	}
	return true
}

// playHurried plays a scenario against an embedded server, and wants no failure,
// no violation, and every guest accounted for.
func playHurried(t *testing.T, s scenarios.Scenario, transport api.Framing) results.Record {
	t.Helper()
	var r results.Record
	var out, errs strings.Builder
	o := options{flags.Options{Scale: 1, Transport: transport, Quiet: true, Out: filepath.Join(t.TempDir(), "record")}}
	code := perform(t.Context(), o, s, func(string) string { return "" }, &out, &errs)
	if code == results.ExitViolated || code == results.ExitCouldNotRun {
		t.Errorf("%s: exit code %d\n%s%s", s.Name, code, &out, &errs)
		return r
	}
	read, err := results.Read(o.Out)
	if err != nil {
		t.Error(err)
		return r
	}
	r = read.Record
	g := r.Guests
	if g.Completed+g.Unmatched != g.Planned || g.Completed == 0 {
		t.Errorf("%s: guests %+v\n%s", s.Name, g, &out)
	}
	for i, th := range s.Thresholds {
		if got := r.Thresholds[i]; !got.Passed && !clocked(th) {
			t.Errorf("%s: %s: observed %s\n%s", s.Name, got.Expression, got.Observed, &out)
		}
	}
	return r
}

func TestEveryShippedScenarioHoldsInLittle(t *testing.T) {
	t.Parallel()
	all, err := scenarios.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		s, err := loadScenario(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Capacity != nil || len(s.Faults) > 0 {
			continue // a search, and moments that cannot be hurried, have tests of their own
		}
		if s, err = hurried(s, 24); err != nil {
			t.Fatal(err)
		}
		for _, transport := range []api.Framing{api.JSON, api.SocketIO} {
			t.Run(l.Name+"/"+transport.String(), func(t *testing.T) {
				t.Parallel()
				r := playHurried(t, s, transport)
				if want := shows[l.Name]; want != "" && r.Operations[want].Count == 0 {
					t.Errorf("no %s: %+v", want, r.Operations)
				}
			})
		}
	}
}

// shows is what some scenarios are there for.
var shows = map[string]string{
	"churn": "reconnect", "reconnect-storm": "reconnect", "token-expiry": "renew", "hostile": "refusal", "slow-readers": "refusal",
	"stats-watchers": "online", "burst": "delivery", "smoke": "delivery",
}

// Each hostile guest draws so often that everything hostile is done.
func TestEverythingHostileIsRefusedRightly(t *testing.T) {
	t.Parallel()
	const vandals, acts = 20, 25
	steps := "create, connect" + strings.Repeat(", hostile", acts) + ", drop"
	text := `scenario: vandals
about: guests do what must be refused.
server: {events: 50/s}
phases: [{guests: 20, within: 1s}]
guests: [{script: vandal, steps: [` + steps + `]}]
thresholds:
  - failures == 0
  - violations == 0
`
	for _, transport := range []api.Framing{api.JSON, api.SocketIO} {
		t.Run(transport.String(), func(t *testing.T) {
			t.Parallel()
			s, err := loadScenario(scenarioFile(t, text))
			if err != nil {
				t.Fatal(err)
			}
			r := playHurried(t, s, transport)
			if got := r.Operations["refusal"]; got.Count != vandals*acts {
				t.Errorf("%d refusals, want %d; warnings %q", got.Count, vandals*acts, r.Warnings)
			}
		})
	}
}

func TestTheSameSeedRehearsesTheSame(t *testing.T) {
	t.Parallel()
	all, err := scenarios.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		args := []string{"--scenario", l.Name, "--dry-run"}
		code, first, errs := invoke(t.Context(), args...)
		_, again, _ := invoke(t.Context(), args...)
		if code != results.ExitPassed || first != again {
			t.Errorf("%s: exit code %d, two dry runs of the same seed differ: %s", l.Name, code, errs)
		}
		if _, other, _ := invoke(t.Context(), append(args, "--seed", "77")...); other == first {
			t.Errorf("%s: the seed changes nothing", l.Name)
		}
	}
}
