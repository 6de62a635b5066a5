package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// FuzzParse: whatever the file, Parse ends with a scenario that can be played
// or with problems that have a place.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "testdata/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(source)
		}
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		s, err := Parse("f.yaml", source)
		var invalid *InvalidError
		switch {
		case errors.As(err, &invalid):
			for _, p := range invalid.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("a problem without a place: %+v", p)
				}
			}
			if !slices.IsSortedFunc(invalid.Problems, inFileOrder) {
				t.Errorf("problems out of order: %v", err)
			}
		case err != nil:
			t.Errorf("an error of another kind: %v", err)
		default:
			playable(t, s)
		}
	})
}

// playable checks what every parsed scenario promises.
func playable(t *testing.T, s Scenario) {
	t.Helper()
	if s.Name == "" || s.About == "" || len(s.Phases) == 0 || len(s.Scripts) == 0 || s.Planned() < 1 || s.Planned() > maxGuests {
		t.Errorf("not to be played: %+v", s)
	}
	for _, p := range s.Phases {
		if p.For <= 0 || p.From < 0 || p.To < 0 || p.Name == "" {
			t.Errorf("phase %+v", p)
		}
	}
	random := rng(1)
	for _, script := range s.Scripts {
		if script.Weight <= 0 || len(script.Steps) == 0 || script.Steps[0].Kind != Create {
			t.Errorf("script %+v", script)
		}
		for _, step := range script.Steps {
			if step.Think.Duration(random) < 0 || step.For.Duration(random) < 0 {
				t.Errorf("step %+v", step)
			}
			if n := step.Length.Count(random); step.Kind == Chat && (n < 1 || n > maxLength || step.Messages.Count(random) < 1) {
				t.Errorf("step %+v", step)
			}
		}
	}
	if again, err := Parse("f.yaml", s.Source); err != nil || !reflect.DeepEqual(s, again) {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if n := s.Planned(); s.Capacity == nil && n >= len(s.Phases) {
		if same, err := s.WithGuests(n); err != nil || same.Planned() != n {
			t.Errorf("with as many guests as planned, %d: %d, %v", n, same.Planned(), err)
		}
	}
}

// FuzzParseThreshold: what is accepted reads the same again, and what is refused
// says where.
func FuzzParseThreshold(f *testing.F) {
	for _, seed := range []string{"response(create) p99 < 200ms", "rate(delivery) >= 90/min in any 5s", "failures < 0.1%",
		"violations(one-partner) == 0", "server cpu < 1.0ms/session", "redis memory < 1GB", "lag(ack) max ≤ 1µs"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		got, err := ParseThreshold(expression)
		var at *ThresholdError
		if err != nil {
			if !errors.As(err, &at) || at.Column < 1 || at.Column > len([]rune(expression))+1 {
				t.Errorf("%q: %v", expression, err)
			}
			return
		}
		again, err := ParseThreshold(got.Expression)
		if err != nil || again != got || got.Value < 0 || got.Comparison == "" || got.Metric == "" {
			t.Errorf("%q: %+v, again %+v, %v", expression, got, again, err)
		}
		if _, ok := got.Stat.Percentile(); got.Stat != "" && got.Stat != Mean && got.Stat != Max && !ok {
			t.Errorf("%q: stat %q", expression, got.Stat)
		}
	})
}
