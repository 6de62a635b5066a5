package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// server is one that holds up to a limit.
type server struct {
	limit   float64         // arrivals a second
	spread  float64         // of the passage from holding to breaking, in ln(rate); 0: sharp
	ceiling float64         // above it the generator cannot follow; 0: it always can
	odd     map[int]Verdict // what single runs say by mistake, by their number from 0
}

func (s server) run(n int, rate float64, dice *rand.Rand) Verdict {
	if v, ok := s.odd[n]; ok {
		return v
	}
	if s.ceiling > 0 && rate > s.ceiling {
		return Invalid
	}
	hold := 0.0
	if rate <= s.limit {
		hold = 1
	}
	if s.spread > 0 {
		hold = 1 / (1 + math.Exp((math.Log(rate)-math.Log(s.limit))/s.spread))
	}
	if dice.Float64() < hold {
		return Held
	}
	return Broke
}

// search runs a search to its end.
func search(t *testing.T, p Plan, s server, seed uint64) *Search {
	t.Helper()
	dice := rand.New(rand.NewPCG(seed, 1))
	found := New(p)
	for n := range 500 {
		rate, ok := found.Next()
		if !ok {
			return found
		}
		if !(rate > 0) || rate > p.To || rate < p.From {
			t.Fatalf("run %d at %v/s, which is not from %v to %v", n, rate, p.From, p.To)
		}
		found.Add(rate, s.run(n, rate, dice))
	}
	t.Fatalf("no end after 500 runs: %+v", found.Answer())
	return nil
}

var plan = Plan{From: 50, To: 20_000, Factor: 2, Precision: 0.05, Repeats: 3}

func TestASearchFindsTheLimitOfItsServer(t *testing.T) {
	for _, tt := range []struct {
		name       string
		plan       Plan
		server     server
		limit      Limit
		least      float64 // the answer is from here to most
		most       float64
		runsAtMost int
	}{
		{"sharp", plan, server{limit: 730}, ByServer, 730 / 1.05, 730, 20},
		{"low", plan, server{limit: 51}, ByServer, 50, 51, 22},
		{"high", plan, server{limit: 19_000}, ByServer, 19_000 / 1.05, 19_000, 30},
		{"exactly a rate of the search", plan, server{limit: 400}, ByServer, 400, 400, 20},
		{"above the range", plan, server{limit: 1e9}, ByRange, 20_000, 20_000, 14},
		{"below the range", plan, server{limit: 20}, ByServer, 0, 0, 2},
		{"one run each", Plan{10, 1000, 3, 0.1, 1}, server{limit: 77}, ByServer, 77 / 1.1, 77, 12},
		{"finest", Plan{10, 1000, 2, 0.01, 3}, server{limit: 77}, ByServer, 77 / 1.02, 77, 24},
		{"generator's ceiling", plan, server{limit: 5000, ceiling: 1234}, ByGenerator, 1234 / 1.05, 1234, 22},
		{"generator never valid", plan, server{limit: 5000, ceiling: 1}, ByGenerator, 0, 0, 2},
		{"one run broke by accident", plan, server{limit: 730, odd: map[int]Verdict{2: Broke}}, ByServer, 730 / 1.05, 730, 22},
		{"one run held by accident", plan, server{limit: 730, odd: map[int]Verdict{4: Held}}, ByServer, 730 / 1.05, 730, 24},
		{"one run invalid by accident", plan, server{limit: 730, odd: map[int]Verdict{3: Invalid}}, ByServer, 730 / 1.05, 730, 22},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := search(t, tt.plan, tt.server, 1)
			a := s.Answer()
			if a.Rate < tt.least || a.Rate > tt.most || a.Limit != tt.limit {
				t.Errorf("found %+v, want %v to %v by the %s", a, tt.least, tt.most, tt.limit)
			}
			if n := len(s.trials); n > tt.runsAtMost {
				t.Errorf("%d runs, want at most %d: %v", n, tt.runsAtMost, s.trials)
			}
			if tt.limit == ByServer && (a.Low > tt.server.limit*1.02 || a.High < tt.server.limit*0.98) {
				t.Errorf("the interval %v to %v does not hold %v", a.Low, a.High, tt.server.limit)
			}
			if a.Rate > 0 && !a.Confirmed {
				t.Errorf("%v/s was not confirmed: %v", a.Rate, s.trials)
			}
		})
	}
}

// The generator's limit must never pass for the server's.
func TestInvalidRunsAreNoEvidenceAgainstTheServer(t *testing.T) {
	s := search(t, plan, server{limit: 5000, ceiling: 1234}, 1)
	if a := s.Answer(); !math.IsInf(a.High, 1) || a.Low == 0 || a.Low > a.Rate {
		t.Errorf("%+v: want no upper end, for no run broke", a)
	}
	s = search(t, plan, server{limit: 20}, 1)
	if a := s.Answer(); a.Low != 0 || a.High > 60 || a.Above != 50 {
		t.Errorf("%+v: want no lower end, for no run held", a)
	}
	if a := New(plan).Answer(); a.Rate != 0 || a.Limit != ByNothing || a.Low != 0 || !math.IsInf(a.High, 1) {
		t.Errorf("without a run: %+v", a)
	}
}

// A server whose runs hold with a probability that falls around the limit: the
// interval must hold the limit about as often as it says, and the answer be near.
func TestTheIntervalHoldsTheLimitAsOftenAsItSays(t *testing.T) {
	const searches = 150
	for _, spread := range []float64{0.02, 0.05, 0.15} {
		t.Run(fmt.Sprint(spread), func(t *testing.T) {
			inside := 0
			var off []float64
			for seed := range uint64(searches) {
				limit := 100 * math.Pow(2, float64(seed%64)/12)
				a := search(t, plan, server{limit: limit, spread: spread}, seed).Answer()
				if a.Low <= limit && limit <= a.High {
					inside++
				}
				off = append(off, math.Abs(math.Log(max(a.Rate, 1)/limit)))
			}
			if share := float64(inside) / searches; share < Confidence-0.04 {
				t.Errorf("the limit was in %.1f %% of the intervals, want about %.0f %%", 100*share, 100*Confidence)
			}
			slices.Sort(off)
			if median := off[searches/2]; median > 2*spread+0.05 {
				t.Errorf("the answers are off by %.3f in the median", median)
			}
		})
	}
}

// Whatever runs say, a search ends, and its answer is a rate that held.
func FuzzSearch(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 2, 0}, 0.05, uint8(3))
	f.Add([]byte{1}, 0.01, uint8(1))
	f.Fuzz(func(t *testing.T, says []byte, precision float64, repeats uint8) {
		if len(says) == 0 || !(precision >= 0.01) || precision > 0.5 || repeats%2 == 0 || repeats > 15 {
			return
		}
		p := Plan{From: 1, To: 1000, Factor: 1.7, Precision: precision, Repeats: int(repeats)}
		s := New(p)
		for n := 0; ; n++ {
			rate, ok := s.Next()
			if !ok {
				break
			}
			if n > 2000 {
				t.Fatalf("no end: %+v", s.Answer())
			}
			s.Add(rate, Verdict(says[n%len(says)]%3))
		}
		a := s.Answer()
		held := a.Rate == 0 || slices.Contains(s.trials, Trial{a.Rate, Held})
		if !held || a.Low > a.High || a.Rate > 0 && !a.Confirmed || a.Above > 0 && a.Above <= a.Rate || a.Limit == ByNothing {
			t.Errorf("%+v after %v", a, s.trials)
		}
	})
}
