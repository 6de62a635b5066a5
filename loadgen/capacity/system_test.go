package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// system is a server and a generator in virtual time, each a queue before one core,
// in which guests arrive at random and take times that are exponential. What such
// a queue does is known: response times are exponential too, with the mean
// 1/(rate of service - rate of arrivals).
type system struct {
	serves float64 // guests a second that the server's core can do
	offers float64 // guests a second that the generator's core can start
}

const (
	promised  = 200 * time.Millisecond // the threshold on p99 of response time
	believed  = 30 * time.Millisecond  // how late a generator may be at p99
	watched   = 40                     // seconds that a run is watched
	warmingUp = 10                     // seconds before
)

// p99 is how long 99 of 100 wait at most in a queue, by the book.
func p99(serves, arrives float64) float64 { return math.Log(100) / (serves - arrives) }

// most is the rate of arrivals at which p99 is just so long, by the book.
func most(serves float64, p99 time.Duration) float64 { return serves - math.Log(100)/p99.Seconds() }

// run plays arrivals at a rate through both queues: what it says, what was used,
// and p99 of response time.
func (s system) run(rate float64, dice *rand.Rand) (Verdict, Load, time.Duration) {
	var due, started, done, busyServer, busyGenerator float64
	var lags, responses []float64
	for due < warmingUp+watched {
		due += dice.ExpFloat64() / rate
		work := dice.ExpFloat64() / s.offers
		busyGenerator += work
		started = max(due, started) + work
		work = dice.ExpFloat64() / s.serves
		busyServer += work
		done = max(started, done) + work
		if due > warmingUp {
			lags, responses = append(lags, started-due), append(responses, done-due)
		}
	}
	length := max(done, due)
	l := Load{Cores: 4, Server: Use{busyServer / length, true}, Loadgen: Use{4 * busyGenerator / length, true}, Lag: at99(lags)}
	switch response := at99(responses); {
	case l.Lag > believed:
		return Invalid, l, response
	case response > promised:
		return Broke, l, response
	default:
		return Held, l, response
	}
}

func at99(seconds []float64) time.Duration {
	slices.Sort(seconds)
	return time.Duration(seconds[len(seconds)*99/100] * float64(time.Second))
}

// find searches, and tells what ran out at the lowest rate that did not hold.
func (s system) find(p Plan, seed uint64) (a Answer, ranOut Resource) {
	dice := rand.New(rand.NewPCG(seed, 7))
	search := New(p)
	short := map[float64]Resource{}
	for {
		rate, ok := search.Next()
		if !ok {
			a = search.Answer()
			return a, short[a.Above]
		}
		v, load, _ := s.run(rate, dice)
		search.Add(rate, v)
		if v != Held {
			short[rate], _ = Exhausted(v, load)
		}
	}
}

func TestTheCapacityOfAQueueIsFound(t *testing.T) {
	swift := math.Inf(1)
	wide := Plan{From: 20, To: 4000, Factor: 2, Precision: 0.05, Repeats: 3}
	for _, tt := range []struct {
		name   string
		system system
		plan   Plan
		want   float64 // by the book; 0: no rate holds
		near   float64 // how near the answer is, as a share
		limit  Limit
		ranOut Resource
	}{
		{"the server's core", system{500, swift}, wide, most(500, promised), 0.08, ByServer, ServerCore},
		// Its p99 is over the limit long before its core is busy: the fewer guests, the longer a queue of some.
		{"a small server's", system{90, swift}, wide, most(90, promised), 0.2, ByServer, WithinServer},
		{"the generator's", system{1e6, 1800}, Plan{From: 500, To: 4000, Factor: 2, Precision: 0.05, Repeats: 1}, most(1800, believed), 0.08, ByGenerator, GeneratorCPU},
		{"nothing breaks", system{5000, swift}, Plan{From: 100, To: 800, Factor: 2, Precision: 0.05, Repeats: 3}, 800, 0, ByRange, ""},
		{"all breaks", system{30, swift}, wide, 0, 0, ByServer, WithinServer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const searches = 5
			inside := 0
			for seed := range uint64(searches) {
				a, ranOut := tt.system.find(tt.plan, seed)
				if a.Limit != tt.limit || math.Abs(a.Rate-tt.want) > tt.near*tt.want || ranOut != tt.ranOut {
					t.Errorf("%+v, and %q ran out; want about %.0f/s by the %s, and %q", a, ranOut, tt.want, tt.limit, tt.ranOut)
				}
				if tt.limit != ByServer && (!math.IsInf(a.High, 1) || a.Low > a.Rate) {
					t.Errorf("%+v: the server broke at no rate, so its limit has no upper end, and may be the answer", a)
				}
				if a.Low <= tt.want && tt.want <= a.High {
					inside++
				}
			}
			if inside < searches-1 {
				t.Errorf("the limit lies in %d of %d intervals of %.0f %%", inside, searches, 100*Confidence)
			}
		})
	}
}

// The knee that runs at several rates draw is that of the queue.
func TestTheKneeIsThatOfTheQueue(t *testing.T) {
	s := system{500, math.Inf(1)}
	for _, rate := range []float64{50, 100, 200, 300, 400} {
		_, load, got := s.run(rate, rand.New(rand.NewPCG(uint64(rate), 1)))
		if want := p99(500, rate); math.Abs(got.Seconds()-want) > 0.2*want {
			t.Errorf("p99 at %.0f/s: %v, want %.1f ms", rate, got, 1000*want)
		}
		if want := rate / 500; math.Abs(load.Server.Cores-want) > 0.05 {
			t.Errorf("cores at %.0f/s: %.2f, want %.2f", rate, load.Server.Cores, want)
		}
	}
	if _, _, got := s.run(550, rand.New(rand.NewPCG(1, 1))); got < 10*promised {
		t.Errorf("p99 beyond the knee: %v", got)
	}
}
