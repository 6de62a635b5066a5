package main

import (
	"path/filepath"
	"strings"
	"testing"

	"guestload/results"
)

// The shipped scenarios of faults, smaller. A busy machine may make the run
// invalid, but breaks no rule and loses nobody.
func TestFaultsAreSurvived(t *testing.T) {
	t.Parallel()
	for name, guests := range map[string]string{"redis-outage": "300", "instance-loss": "120"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", name, "--guests", guests, "--quiet", "--out", dir)
			r := readRecord(t, dir)
			for _, v := range r.Violations {
				if v.Count > 0 {
					t.Errorf("%s violated: %s", v.Rule, strings.Join(v.Examples, "\n"))
				}
			}
			if code == results.ExitCouldNotRun || r.Guests.Failed+r.Guests.Dropped > 0 || r.Environment.Storage != "redis" {
				t.Errorf("exit code %d, %+v\n%s%s", code, r.Guests, out, errs)
			}
			if u := r.Resources.Redis; u == nil || u.SentPerSession < 1 || u.SentPerSession > u.CommandsPerSession {
				t.Errorf("spent by Redis: %+v", r.Resources.Redis)
			}
			for _, f := range r.Faults {
				seen := map[string]*float64{"kill redis": f.Fallback, "freeze redis": f.Fallback, "start redis": f.Recovery, "thaw redis": f.Recovery, "kill instance 2": f.Ghosts}
				if seen[f.Name()] == nil {
					t.Errorf("nothing was seen of the %s of %s: %+v", f.Action, f.Victim, f)
				}
				if f.Victim == "instance 2" && (f.CutOff < 20 || f.Returned == 0 || f.Returned >= f.CutOff || f.Released == nil) {
					t.Errorf("of its guests: %+v", f)
				}
			}
			if want := map[string]int{"redis-outage": 4, "instance-loss": 1}[name]; len(r.Faults) != want {
				t.Errorf("%d faults, want %d", len(r.Faults), want)
			}
		})
	}
}

func TestGuestsAreSpreadOverInstances(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--instances", "3", "--out", dir)
	r := readRecord(t, dir)
	if r.Guests.Completed != 8 || r.Environment.Storage != "redis" || len(r.Resources.Servers) != 3 {
		t.Errorf("exit code %d, %+v\n%s%s", code, r.Resources, out, errs)
	}
	var sum float64
	for _, u := range r.Resources.Servers {
		sum += u.CPUSec
	}
	if all := r.Resources.Server.CPUSec; sum <= 0 || sum-all > 1e-6 || all-sum > 1e-6 {
		t.Errorf("each %v, together %v", sum, all)
	}
}

func TestServersThatCannotBeStartedSo(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--scenario", "burst", "--target", "http://127.0.0.1:1", "--instances", "2"}, "leave out --target"},
		{[]string{"--scenario", "burst", "--target", "http://127.0.0.1:1", "--redis-url", "own"}, "leave out --target"},
		{[]string{"--scenario", "redis-outage", "--target", "http://127.0.0.1:1"}, "leave out --target"},
		{[]string{"--scenario", "redis-outage", "--redis-url", "redis://127.0.0.1:1"}, "leave out --redis-url"},
		{[]string{"--scenario", "instance-loss", "--instances", "1"}, "there is no instance 2"},
		{[]string{"--scenario", "burst", "--instances", "0"}, "from 1 to 64"},
		{[]string{"--scenario", "burst", "--redis-url", ""}, "--redis-url is empty"},
	} {
		code, out, errs := invoke(t.Context(), tt.args...)
		if code != results.ExitUsage || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("%q: exit code %d, %s", tt.args, code, errs)
		}
	}
	dir := filepath.Join(t.TempDir(), "r")
	code, _, errs := invoke(t.Context(), "--scenario", "smoke", "--redis-url", "redos://:s3cret@127.0.0.1:1", "--out", dir)
	if code != results.ExitUsage || !strings.Contains(errs, "its scheme must be") || strings.Contains(errs, "s3cret") {
		t.Errorf("a bad URL: exit code %d, %s", code, errs)
	}
	t.Setenv("PATH", t.TempDir())
	code, _, errs = invoke(t.Context(), "--scenario", "smoke", "--redis-url", "own", "--out", filepath.Join(t.TempDir(), "r"))
	if code != results.ExitCouldNotRun || !strings.Contains(errs, "redis-server not found") {
		t.Errorf("without redis-server: exit code %d, %s", code, errs)
	}
}
