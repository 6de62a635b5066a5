package truth

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// ideal is a backend in virtual time: it takes exactly as long as it should.
type ideal struct {
	served func(nth int) time.Duration // how long it takes to create the nth session
	slots  chan struct{}               // connections; nil for any number
	mu     sync.Mutex
	seen   []time.Time
}

func (b *ideal) Call(_ context.Context, r session.Request, read func(api.Value) error) error {
	if b.slots != nil {
		begin := time.Now()
		b.slots <- struct{}{}
		defer func() { <-b.slots }()
		if r.Sending != nil {
			r.Sending.Waited = time.Since(begin)
		}
	}
	b.mu.Lock()
	nth := len(b.seen)
	b.seen = append(b.seen, time.Now())
	b.mu.Unlock()
	<-time.After(b.served(nth))
	return read(api.Value(fmt.Sprintf(`{"token":"t","user":{"id":"guest_%d","sessionId":"%d","username":"g"}}`, nth, nth)))
}

func (b *ideal) Dial(context.Context, session.Handshake, func(api.Value) error) (session.Conn, error) {
	return nil, fmt.Errorf("%w: nobody connects", session.ErrProtocol)
}

// play has guests come in a phase who do nothing but create a session, and
// returns what is reported of it.
func play(t *testing.T, backend *ideal, phase string) (response, service results.Summary, count int) {
	t.Helper()
	s, err := scenarios.Parse("virtual.yaml", []byte(strings.ReplaceAll(`scenario: virtual
about: guests ask for a session.
phases: [PHASE]
guests: [{script: asker, steps: [create]}]
`, "PHASE", phase)))
	if err != nil {
		t.Fatal(err)
	}
	clock := session.Clock{Epoch: time.Now()}
	book := measure.NewBook(4)
	world := session.NewWorld(session.Setting{
		Backend: backend, Clock: clock, Verifier: verify.New(verify.Contract()), Scripts: s.Scripts, Seed: s.Seed,
	})
	tally, err := executor.Run(t.Context(), executor.Plan{
		Phases: s.Phases, Seed: s.Seed, Clock: clock, Book: book, Workers: 4, Grace: time.Minute, Play: world.Play,
		Tick: func(at time.Duration, _ executor.Tally) { book.Tick(at) },
	})
	if err != nil || tally.Completed != tally.Arrived {
		t.Fatalf("%+v, %v", tally, err)
	}
	book.Finish(clock.Now())
	create := book.Totals().Operations[operation.Create]
	return results.Summarize(create.Response), results.Summarize(create.Service), int(create.Count())
}

// within compares what is reported with the truth, to a share of it or an
// amount, whichever is more.
func within(t *testing.T, what string, s results.Summary, truth func(percent float64) time.Duration, share float64, amount time.Duration) {
	t.Helper()
	for _, r := range reported(s)[:5] { // the maximum of a distribution is not known
		want := truth(r.percent)
		if off := (r.value - want).Abs(); off > max(amount, time.Duration(share*float64(want))) {
			t.Errorf("%s p%v is %v, in truth %v", what, r.percent, r.value, want)
		}
	}
}

func TestPercentilesAreExactInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		times := lognormal(n, 3*time.Millisecond, 1)
		truth := distuv.LogNormal{Mu: math.Log(0.003), Sigma: 1}
		response, service, count := play(t, &ideal{served: func(nth int) time.Duration { return times[nth] }}, "{arrivals: 2000/s, for: 10s}")
		if count != n {
			t.Errorf("%d sessions, want %d", count, n)
		}
		exact := func(percent float64) time.Duration {
			return time.Duration(truth.Quantile(percent/100) * float64(time.Second))
		}
		within(t, "response", response, exact, 0.01, 2*time.Microsecond)
		within(t, "service", service, exact, 0.01, 2*time.Microsecond)
	})
}

// The server stands still from the 9th second to the 11th of 20.
func TestAStallIsExactInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quick = 10 * time.Microsecond
		begin := time.Now()
		backend := &ideal{slots: make(chan struct{}, connections), served: func(int) time.Duration {
			at := time.Since(begin)
			if at >= 9*time.Second && at < 11*time.Second {
				return 11*time.Second - at + quick
			}
			return quick
		}}
		response, service, count := play(t, backend, "{arrivals: 2000/s, for: 20s}")
		if count != 40_000 {
			t.Errorf("%d sessions, want 40,000", count)
		}
		waits := func(percent float64) time.Duration { // who comes x before its end waits x: x s are x/20 of all
			return max(2*time.Second-time.Duration((100-percent)/100*20*float64(time.Second)), quick)
		}
		within(t, "response", response, waits, 0.005, 2*time.Millisecond)
		within(t, "service", service, func(float64) time.Duration { return quick }, 0, 2*time.Microsecond)
		if response.P95 < 995 || response.P99 < 1795 || service.Max < 1999 {
			t.Errorf("response %+v, service %+v", response, service)
		}
	})
}

func TestArrivalsAreExactInVirtualTime(t *testing.T) {
	for _, spacing := range []string{"uniform", "poisson"} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			backend := &ideal{served: func(int) time.Duration { return time.Millisecond }}
			play(t, backend, "{arrivals: 2000/s, for: 10s, spacing: "+spacing+"}")
			var shares, gaps []float64
			last := time.Duration(0)
			for i, seen := range backend.seen {
				at := seen.Sub(begin)
				if want := time.Duration(i) * 500 * time.Microsecond; spacing == "uniform" && (at-want).Abs() > 1 {
					t.Errorf("guest %d came at %v, want %v", i, at, want)
				}
				shares = append(shares, at.Seconds()/10)
				gaps = append(gaps, -math.Expm1(-2000*(at-last).Seconds()))
				last = at
			}
			if spacing == "uniform" {
				return
			}
			if d, most := distance(shares), critical(len(shares)); d > most {
				t.Errorf("arrivals: distance %v, at most %v", d, most)
			}
			if d, most := distance(gaps), critical(len(gaps)); d > most {
				t.Errorf("gaps: distance %v from exponential ones, at most %v", d, most)
			}
		})
	}
}
