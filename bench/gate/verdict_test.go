package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// policy gates two metrics by statistics and two without.
func policy() Policy {
	p := Default()
	p.Metrics = []Metric{
		{Name: "server-cpu", Unit: "µs/session", Tolerance: 0.02, Reason: "what a guest costs"},
		{Name: "throughput", Unit: "sessions/s", Tolerance: 0.05, More: true, Reason: "noisier, so looser"},
	}
	p.Hard = []Metric{
		{Name: "allocs", Unit: "allocs/op", Reason: "counted, not measured"},
		{Name: "redis", Unit: "commands/session", Reason: "counted, not measured"},
	}
	return p
}

// pairs draws n pairs about a level, head by a factor larger, each side with its
// own noise of the given spread and both with a drift in common.
func pairs(r *rand.Rand, n int, level, factor, spread float64) []Pair {
	ps := make([]Pair, n)
	for i := range ps {
		drift := level * (1 + 0.2*math.Sin(float64(i)/7))
		ps[i] = Pair{drift * math.Exp(spread/math.Sqrt2*heavy(r)), drift * factor * math.Exp(spread/math.Sqrt2*heavy(r))}
	}
	return ps
}

// heavy draws noise of variance 1 and heavy tails: Student's t with 3 degrees
// of freedom.
func heavy(r *rand.Rand) float64 {
	chi2 := 0.0
	for range 3 {
		z := r.NormFloat64()
		chi2 += z * z
	}
	return r.NormFloat64() / math.Sqrt(chi2/3) / math.Sqrt(3)
}

// evidence is that of n pairs, the hard metrics as their baselines.
func evidence(n int, cpu, throughput, spread float64) Evidence {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	return Evidence{
		Pairs: map[string][]Pair{
			"server-cpu": pairs(r, n, 380, cpu, spread),
			"throughput": pairs(r, n, 5200, throughput, spread),
			"p99":        pairs(r, n, 3.1, 1.1, 10*spread),
		},
		Hard:     map[string]float64{"allocs": 3, "redis": 11},
		Baseline: map[string]float64{"allocs": 3, "redis": 11},
		Ended:    true,
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		of      func() Evidence
		want    Verdict
		settled bool
	}{
		{"same", func() Evidence { return evidence(72, 1, 1, 0.02) }, Pass, true},
		{"slower", func() Evidence { return evidence(72, 1.05, 1, 0.02) }, Regressed, true},
		{"improved", func() Evidence { return evidence(72, 0.9, 1, 0.02) }, Improved, true},
		{"noisy", func() Evidence { return evidence(72, 1, 1, 0.3) }, Inconclusive, true},
		{"at-the-edge", func() Evidence { return evidence(72, 1.02, 1, 0.02) }, Inconclusive, true},
		{"short", func() Evidence { return evidence(11, 1.5, 1, 0.02) }, Invalid, true},
		{"missing", func() Evidence {
			e := evidence(72, 1, 1, 0.02)
			delete(e.Pairs, "throughput")
			delete(e.Hard, "redis")
			return e
		}, Invalid, true},
		{"invalid", func() Evidence {
			e := evidence(72, 1.5, 1, 0.02)
			e.Invalid = []string{"head, slice 14: the generator was 210 ms late"}
			return e
		}, Invalid, true},
		{"not-a-number", func() Evidence {
			e := evidence(72, 1, 1, 0.02)
			e.Pairs["server-cpu"][30].Head = math.NaN()
			e.Pairs["throughput"][2].Base = 0
			return e
		}, Invalid, true},
		{"less-throughput", func() Evidence { return evidence(72, 1, 0.85, 0.02) }, Regressed, true},
		{"more-throughput", func() Evidence { return evidence(72, 1, 1.2, 0.02) }, Improved, true},
		{"one-alloc-more", func() Evidence {
			e := evidence(72, 1, 1, 0.02)
			e.Hard["allocs"]++
			return e
		}, Regressed, true},
		{"one-command-less", func() Evidence {
			e := evidence(72, 1, 1, 0.02)
			e.Hard["redis"] = 10.5
			return e
		}, Stale, true},
		{"no-baseline", func() Evidence {
			e := evidence(72, 1, 1, 0.02)
			delete(e.Baseline, "redis")
			return e
		}, Invalid, true},
		{"slower-and-missing", func() Evidence {
			e := evidence(72, 1.1, 1, 0.02)
			delete(e.Pairs, "throughput")
			return e
		}, Regressed, true},
		{"under-way", func() Evidence {
			e := evidence(14, 1, 1, 0.08)
			e.Ended = false
			e.Hard = nil
			return e
		}, Inconclusive, false},
		{"under-way-and-slower", func() Evidence {
			e := evidence(14, 1.3, 1, 0.05)
			e.Ended = false
			return e
		}, Regressed, true},
		{"just-begun", func() Evidence { return Evidence{} }, Inconclusive, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Judge(policy(), c.of())
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.want || r.Settled != c.settled {
				t.Errorf("%s, settled %v; want %s, %v", r.Verdict, r.Settled, c.want, c.settled)
			}
			var text, markdown bytes.Buffer
			if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&markdown)); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".txt", text.Bytes())
			golden(t, c.name+".md", markdown.Bytes())
			if _, err := json.Marshal(r); err != nil {
				t.Errorf("the report is no JSON: %v", err)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func TestWhatIsDecidedStaysDecided(t *testing.T) {
	whole := evidence(72, 1.06, 1, 0.03)
	var first *Result
	for n := range 73 {
		e := Evidence{Pairs: map[string][]Pair{}, Hard: whole.Hard, Baseline: whole.Baseline}
		for name, ps := range whole.Pairs {
			e.Pairs[name] = ps[:n]
		}
		r, err := Judge(policy(), e)
		if err != nil {
			t.Fatal(err)
		}
		m := r.Metrics[0]
		switch {
		case first == nil && m.Decided:
			first = &m
			if !slices.Contains(policy().Looks, n) || m.Pairs != n {
				t.Errorf("decided after %d pairs with %d: not at a look", n, m.Pairs)
			}
		case first != nil && (m.Verdict != first.Verdict || m.Pairs != first.Pairs || m.P != first.P):
			t.Fatalf("after %d pairs %+v, though it was %+v", n, m, *first)
		}
	}
	if first == nil || first.Verdict != Regressed {
		t.Errorf("never decided")
	}
}

func TestLooks(t *testing.T) {
	share := func(n int) float64 { return float64(n) / 72 }
	for _, c := range []struct {
		pairs int
		ended bool
		want  []look
	}{
		{0, true, nil},
		{11, true, nil},
		{12, false, []look{{12, share(12)}}},
		{12, true, []look{{12, share(12)}}},
		{20, false, []look{{12, share(12)}}},
		{20, true, []look{{12, share(12)}, {20, share(60)}}},
		{50, false, []look{{12, share(12)}, {24, share(12)}, {36, share(12)}, {48, share(12)}}},
		{72, false, []look{{12, share(12)}, {24, share(12)}, {36, share(12)}, {48, share(12)}, {72, share(24)}}},
		{500, true, []look{{12, share(12)}, {24, share(12)}, {36, share(12)}, {48, share(12)}, {72, share(24)}}},
	} {
		if got := Default().looks(c.pairs, c.ended); !slices.Equal(got, c.want) {
			t.Errorf("%d pairs, ended %v: %v, want %v", c.pairs, c.ended, got, c.want)
		}
	}
}

func TestPoliciesThatDoNotHoldTogether(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Policy)
		says  string
	}{
		"alpha of nothing":  {func(p *Policy) { p.Alpha = 0 }, "alpha"},
		"alpha of NaN":      {func(p *Policy) { p.PassAlpha = math.NaN() }, "passAlpha"},
		"no looks":          {func(p *Policy) { p.Looks = nil }, "looks"},
		"an early look":     {func(p *Policy) { p.Looks[0] = 6 }, "at least 12"},
		"looks in disorder": {func(p *Policy) { p.Looks = []int{24, 12} }, "ascending"},
		"a look twice":      {func(p *Policy) { p.Looks = []int{12, 12} }, "ascending"},
		"no budget":         {func(p *Policy) { p.Budget = -time.Second }, "budget"},
		"no tolerance":      {func(p *Policy) { p.Metrics[0].Tolerance = 0 }, "tolerance"},
		"a hard tolerance":  {func(p *Policy) { p.Hard[0].Tolerance = 0.1 }, "has none"},
		"one name twice":    {func(p *Policy) { p.Hard[0].Name = "server-cpu" }, "each name once"},
		"no reason":         {func(p *Policy) { p.Metrics[1].Reason = "" }, "reason"},
	} {
		p := policy()
		c.spoil(&p)
		_, err := Judge(p, evidence(72, 1, 1, 0.02))
		if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a word of %q", name, err, c.says)
		}
	}
	if r, err := Judge(Default(), Evidence{Ended: true}); err != nil || r.Verdict != Invalid {
		t.Errorf("a policy that gates nothing: %v, %v; want invalid", r.Verdict, err)
	}
}

// FuzzJudge: whatever is measured there is a verdict, and with the sides
// exchanged there is the opposite one.
func FuzzJudge(f *testing.F) {
	f.Add(uint64(1), 72, 1.05, 0.03, true)
	f.Add(uint64(2), 13, 0.5, 0.0, true)
	f.Add(uint64(3), 200, math.Inf(1), 1e300, false)
	f.Add(uint64(12), 10, 1.59, -375.0, true) // changes too large for a number
	f.Fuzz(func(t *testing.T, seed uint64, n int, factor, spread float64, ended bool) {
		p := Default()
		p.Metrics = []Metric{{Name: "cpu", Tolerance: 0.02, Reason: "fuzz"}}
		there := pairs(rand.New(rand.NewPCG(seed, 0)), min(max(n, 0), 100), 100, factor, spread)
		back := make([]Pair, len(there))
		for i, x := range there {
			back[i] = Pair{x.Head, x.Base}
		}
		judged := func(ps []Pair) Report {
			r, err := Judge(p, Evidence{Pairs: map[string][]Pair{"cpu": ps}, Ended: ended})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		a, b := judged(there), judged(back)
		opposite := map[Verdict]Verdict{Regressed: Improved, Improved: Regressed}
		want, turns := opposite[a.Verdict]
		if !turns {
			want = a.Verdict
		}
		if b.Verdict != want {
			t.Fatalf("%s, and with the sides exchanged %s", a.Verdict, b.Verdict)
		}
	})
}
