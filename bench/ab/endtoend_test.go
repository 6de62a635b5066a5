package ab

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// The programs of this very tree, once over both comparisons.
func TestDuelsMeasureBothSidesAndLeaveNoProcess(t *testing.T) {
	w := open(t, ".")
	tree, err := w.Export(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.Build(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		comparison Comparison
		name       string
		has        []string
	}{
		{Comparison{Compare: Servers}, "Server/memory", []string{"server-cpu/loadgen-cpu", "server-cpu-ms/session", "delivery-p99-ms", "server-peak-bytes"}},
		{Comparison{Compare: Servers, Redis: true}, "Server/redis", []string{"redis-commands/session", "redis-cpu-ms/session"}},
		{Comparison{Compare: Loadgens}, "Loadgen/memory", []string{"loadgen-cpu/server-cpu"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.comparison.Builds = [2]*Build{b, b}
			c.comparison.Dir, c.comparison.Random = t.TempDir(), rand.New(rand.NewPCG(1, 2))
			d, err := c.comparison.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			p, err := d.Pair(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != c.name {
				t.Errorf("called %s, want %s", p.Name, c.name)
			}
			for _, side := range Sides() {
				for _, unit := range c.has {
					if !(p.Runs[side][unit] > 0) {
						t.Errorf("%s: %s is %v", side, unit, p.Runs[side][unit])
					}
				}
			}
			d.Close()
			if out, _ := exec.Command("pgrep", "-f", w.Dir()).Output(); strings.TrimSpace(string(out)) != "" {
				t.Errorf("processes of the workshop are left: %s", out)
			}
		})
	}
}
