package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheEnvironmentDecidesHowGarbageIsCollected(t *testing.T) {
	for _, c := range []struct {
		env     map[string]string
		percent int
	}{
		{nil, garbagePercent},
		{map[string]string{"GOGC": "50"}, 0},
		{map[string]string{"GOGC": "off"}, 0},
		{map[string]string{"GOMEMLIMIT": "1GiB"}, garbagePercent},
	} {
		g := garbageOf(func(name string) string { return c.env[name] })
		if g.percent != c.percent || c.env["GOMEMLIMIT"] != "" && g.limit != 0 {
			t.Errorf("%v: %+v", c.env, g)
		}
	}
}

func TestAControlGroupsLimitIsNotUsedUp(t *testing.T) {
	for text, want := range map[string]int64{"max\n": 0, "1000000\n": 900000, "": 0} {
		file := filepath.Join(t.TempDir(), "memory.max")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := groupLimit(file); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := groupLimit(filepath.Join(t.TempDir(), "none")); got != 0 {
		t.Errorf("no control group: %d", got)
	}
}
