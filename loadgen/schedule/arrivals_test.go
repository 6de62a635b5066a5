package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEvenPhasesBringExactlyTheirNumberAtExactTimes(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name  string
		phase Phase
		want  int
		first []time.Duration
	}{
		{"rate", Phase{From: 20, To: 20, For: 3 * s}, 60, []time.Duration{0, 50e6, 100e6}},
		{"rate below one", Phase{From: 0.5, To: 0.5, For: 5 * s}, 3, []time.Duration{0, 2 * s, 4 * s}},
		{"rate that rounds down", Phase{From: 1, To: 1, For: 1400 * time.Millisecond}, 1, []time.Duration{0}},
		{"third of a second", Phase{From: 1.0 / 3, To: 1.0 / 3, For: 30 * s}, 10, []time.Duration{0, 3 * s, 6 * s}},
		{"rising from nothing", Phase{To: 2, For: 4 * s}, 4, []time.Duration{0, 2 * s, 2828427124}},
		{"falling to nothing", Phase{From: 2, For: 4 * s}, 4, []time.Duration{0, 535898384, 1171572875}},
		{"burst", Phase{Guests: 4, For: 2 * s}, 4, []time.Duration{0, 500e6, 1 * s}},
		{"burst at one instant", Phase{Guests: 3}, 3, []time.Duration{0, 0, 0}},
		{"pause", Phase{For: 5 * s}, 0, nil},
		{"no time", Phase{From: 5, To: 5}, 0, nil},
	} {
		got := slices.Collect(Arrivals([]Phase{test.phase}, 1))
		if len(got) != test.want || Planned([]Phase{test.phase}, 1) != test.want {
			t.Errorf("%s: %d arrivals, %d planned, want %d", test.name, len(got), Planned([]Phase{test.phase}, 1), test.want)
			continue
		}
		for i, want := range test.first {
			if d := got[i].At - want; d < -1 || d > 1 {
				t.Errorf("%s: arrival %d at %v, want %v", test.name, i, got[i].At, want)
			}
		}
	}
}

func TestPhasesFollowEachOther(t *testing.T) {
	phases := []Phase{{From: 10, To: 10, For: time.Second}, {For: 2 * time.Second}, {Guests: 5, For: time.Second, Poisson: true}}
	got := slices.Collect(Arrivals(phases, 7))
	if len(got) != 15 || got[9].At != 900*time.Millisecond || got[10].At < 3*time.Second || got[14].At > 4*time.Second {
		t.Fatalf("arrivals: %v", got)
	}
	for i, a := range got {
		if want := 2 * (i / 10); a.Index != i || a.Phase != want {
			t.Errorf("arrival %d: index %d phase %d, want phase %d", i, a.Index, a.Phase, want)
		}
	}
	alone := slices.Collect(Arrivals([]Phase{{}, {}, phases[2]}, 7))
	if alone[2].At != got[12].At-3*time.Second {
		t.Errorf("a phase's arrivals depend on those before it: %v, %v", alone[2].At, got[12].At)
	}
}

// TestSchedulesKeepTheirPromises draws many schedules and checks what holds
// for all of them.
func TestSchedulesKeepTheirPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 22))
	for range 400 {
		var phases []Phase
		for range 1 + rng.IntN(4) {
			p := Phase{For: time.Duration(rng.IntN(5_000_000_000)), Poisson: rng.IntN(2) == 0}
			switch rng.IntN(4) {
			case 0:
				p.From = rng.Float64() * 100
				p.To = p.From
			case 1:
				p.From, p.To = rng.Float64()*100, rng.Float64()*100
			case 2:
				p.Guests = rng.IntN(200)
			}
			phases = append(phases, p)
		}
		check(t, phases, rng.Uint64())
	}
}

func check(t *testing.T, phases []Phase, seed uint64) {
	t.Helper()
	all := slices.Collect(Arrivals(phases, seed))
	if n := Planned(phases, seed); n != len(all) {
		t.Errorf("%+v seed %d: %d planned, %d arrive", phases, seed, n, len(all))
	}
	if !slices.Equal(all, slices.Collect(Arrivals(phases, seed))) {
		t.Errorf("%+v seed %d: two runs differ", phases, seed)
	}
	starts := []time.Duration{0}
	for _, p := range phases {
		starts = append(starts, starts[len(starts)-1]+p.For)
	}
	var last Arrival
	for i, a := range all {
		if a.Index != i || a.At < last.At || a.Phase < last.Phase || a.At < starts[a.Phase] || a.At > starts[a.Phase+1] {
			t.Errorf("%+v seed %d: arrival %d is %+v after %+v", phases, seed, i, a, last)
		}
		last = a
	}
	var parts []Arrival
	for k := range 3 {
		part := slices.Collect(Share(Arrivals(phases, seed), k, 3))
		if d := 3*len(part) - len(all); d < -4 || d > 4 || len(part) != Owned(len(all), k, 3) {
			t.Errorf("part %d of 3 has %d of %d arrivals, %d were to be its own", k, len(part), len(all), Owned(len(all), k, 3))
		}
		for i, a := range part {
			if a.Index != Nth(i, k, 3) || Owner(a.Index, 3) != k {
				t.Errorf("part %d of 3: arrival %d is %d of the whole, which is of part %d", k, i, a.Index, Owner(a.Index, 3))
			}
		}
		parts = append(parts, part...)
	}
	slices.SortFunc(parts, func(a, b Arrival) int { return a.Index - b.Index })
	if !slices.Equal(parts, all) {
		t.Errorf("%+v seed %d: the parts are not the whole", phases, seed)
	}
}

func TestSequencesStopWhenAsked(t *testing.T) {
	phases := []Phase{{Guests: 100, For: time.Second, Poisson: true}, {From: 100, To: 100, For: time.Second}, {From: 50, To: 90, For: time.Second, Poisson: true}}
	for stop := range 250 {
		n := 0
		for range Share(Arrivals(phases, 1), 0, 1) {
			if n++; n > stop {
				break
			}
		}
		if want := min(stop+1, Planned(phases, 1)); n != want {
			t.Fatalf("%d arrivals before the stop, want %d", n, want)
		}
	}
}

func TestInvalidPhasesAreNamedAndBringNobody(t *testing.T) {
	nan := math.NaN()
	for _, p := range []Phase{
		{For: -1}, {Guests: -1, For: 1}, {From: -1, To: 1, For: 1}, {From: nan, To: 1, For: 1}, {From: 1, To: nan, For: 1},
		{From: math.Inf(1), To: 1, For: time.Second}, {From: 1, To: 1, Guests: 1, For: 1}, {Guests: 2e9, For: 1},
	} {
		if Validate([]Phase{{}, p}) == nil {
			t.Errorf("%+v is valid", p)
		}
		if n := len(slices.Collect(Arrivals([]Phase{p}, 1))); n != 0 || Planned([]Phase{p}, 1) != 0 {
			t.Errorf("%+v brings %d guests", p, n)
		}
	}
	for _, share := range [][2]int{{-1, 2}, {2, 2}, {0, 0}, {0, -1}} {
		if n := len(slices.Collect(Share(Arrivals([]Phase{{Guests: 9}}, 1), share[0], share[1]))); n != 0 {
			t.Errorf("share %v has %d guests", share, n)
		}
	}
}

func TestSeedsAndPhasesDrawDifferently(t *testing.T) {
	p := Phase{Guests: 10, For: time.Second, Poisson: true}
	seen := map[time.Duration]bool{}
	for seed := range uint64(50) {
		for a := range Arrivals([]Phase{p, p}, seed) {
			at := a.At - time.Duration(a.Phase)*time.Second
			if seen[at] {
				t.Fatalf("seed %d, phase %d repeats the arrival at %v", seed, a.Phase, at)
			}
			seen[at] = true
		}
	}
}

func BenchmarkArrival(b *testing.B) {
	for name, p := range map[string]Phase{
		"uniform-rate": {From: 1e5, To: 1e5, For: 2 * time.Hour},
		"poisson-rate": {From: 1e5, To: 1e5, For: 2 * time.Hour, Poisson: true},
		"poisson-ramp": {From: 1e5, To: 1.1e5, For: 2 * time.Hour, Poisson: true},
		"burst":        {Guests: 9e8, For: time.Hour, Poisson: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range Arrivals([]Phase{p}, 1) {
				if !b.Loop() {
					break
				}
			}
		})
	}
}
