package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redistest"
)

// told is a watch without a Redis, and what it has reported.
type told struct {
	watch
	ups []bool
}

func newTold(ask func(ctx context.Context, returning bool) error) *told {
	w := &told{}
	w.watch = watch{
		ask: ask, pulse: pulse, losses: func() int64 { return 0 }, sent: func() int64 { return 0 },
		classify: func(err error) error { return fmt.Errorf("%w: %w", guest.ErrUnavailable, err) },
		report:   func(up bool, _ error) { w.ups = append(w.ups, up) },
	}
	return w
}

// silence answers nobody.
func silence(ctx context.Context, _ bool) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestProberKnowsInTime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ask    func(ctx context.Context, returning bool) error
		within time.Duration
	}{
		{"nobody listens", func(context.Context, bool) error { return syscall.ECONNREFUSED }, 0},
		{"connections break", func(context.Context, bool) error { return io.EOF }, 0},
		{"nobody answers", silence, probeTimeout + secondTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				w := newTold(func(ctx context.Context, r bool) error { asked++; return tt.ask(ctx, r) })
				began := time.Now()
				w.look(t.Context())
				if took := time.Since(began); took > tt.within || took+probeEvery > 550*time.Millisecond || took+idleEvery > 700*time.Millisecond {
					t.Errorf("known after %v, want %v and at most 550 ms with the pause, 700 ms where nobody waits", took, tt.within)
				}
				if !slices.Equal(w.ups, []bool{false}) {
					t.Errorf("told %v, want down", w.ups)
				}
				if refused := tt.within == 0 && tt.name == "nobody listens"; refused != (asked == 1) {
					t.Errorf("asked %d times", asked)
				}
			})
		})
	}
}

// TestQuestionThatIsGivenUpReadsNothingLater: its goroutine may begin after the prober
// has decided. The race detector sees it.
func TestQuestionThatIsGivenUpReadsNothingLater(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	w := newTold(func(context.Context, bool) error { <-ctx.Done(); return nil })
	ticks := make(chan time.Time)
	close(ticks)
	w.pulse = func() (<-chan time.Time, func()) { return ticks, func() {} }
	w.look(ctx)
	w.report(true, nil)
	if w.up || len(w.ups) != 2 {
		t.Errorf("told %v, want down", w.ups)
	}
}

func TestOneFailureIsNoOutage(t *testing.T) {
	for name, first := range map[string]error{"broken": io.EOF, "silent": errSilent} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				w := newTold(func(ctx context.Context, r bool) error {
					asked++
					switch {
					case asked > 1:
						return nil
					case first == errSilent:
						return silence(ctx, r)
					}
					return first
				})
				w.look(t.Context())
				if !slices.Equal(w.ups, []bool{true}) || asked != 2 {
					t.Errorf("told %v after %d questions, want up after 2", w.ups, asked)
				}
			})
		})
	}
}

func TestProberAsksOftenWhereGuestsWait(t *testing.T) {
	var answer error
	sent := int64(0)
	w := newTold(func(context.Context, bool) error { return answer })
	w.sent = func() int64 { return sent }
	for _, step := range []struct {
		name   string
		answer error
		sends  int64
		want   time.Duration
	}{
		{"nobody uses it", nil, 0, idleEvery},
		{"it is used", nil, 3, probeEvery},
		{"it was used, and there was a beat", nil, 1, idleEvery},
		{"nobody uses it any more", nil, 0, idleEvery},
		{"it is away", io.EOF, 0, probeEvery},
		{"it is still away", io.EOF, 0, probeEvery},
		{"it is back", nil, 0, idleEvery},
	} {
		answer, sent = step.answer, sent+step.sends
		w.look(t.Context())
		if got := w.pause(); got != step.want {
			t.Errorf("%s: the next look is after %v, want %v", step.name, got, step.want)
		}
	}
}

// TestStarvationIsNoOutage: the process gets to run once in a while, too late for
// any clock, and Redis answers a little later than it is asked.
func TestStarvationIsNoOutage(t *testing.T) {
	for _, late := range []time.Duration{50 * time.Millisecond, 400 * time.Millisecond, 3 * time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// In the time of a starved process an answer comes at the third of its
				// turns, however long these take.
				w := newTold(func(ctx context.Context, _ bool) error {
					select {
					case <-time.After(5 * late / 2):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				w.pulse = func() (<-chan time.Time, func()) {
					turns := time.NewTicker(late)
					return turns.C, turns.Stop
				}
				for range 20 {
					w.look(t.Context())
				}
				if !slices.Equal(w.ups, []bool{true}) {
					t.Errorf("told %v, want up", w.ups)
				}
			})
		})
	}
}

func TestStarvedProberStillGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTold(silence)
		w.pulse = func() (<-chan time.Time, func()) {
			turns := time.NewTicker(10 * pulseEvery)
			return turns.C, turns.Stop
		}
		began := time.Now()
		w.look(t.Context())
		if took := time.Since(began); !slices.Equal(w.ups, []bool{false}) || took != 10*(probeTimeout+secondTimeout) {
			t.Errorf("told %v after %v, want down after ten times as long", w.ups, took)
		}
	})
}

// TestWatchTellsADroppedNetwork: packets vanish, connections stay.
func TestWatchTellsADroppedNetwork(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	conn := connect(t, "redis://"+tunnel.Addr())
	changes := watchRedis(t, conn)
	expect(t, changes, true, time.Second)
	for range 3 {
		tunnel.Cut()
		began, had := time.Now(), redistest.Awake(t)
		if err := write(t, conn); !errors.Is(err, guest.ErrUnavailable) {
			t.Errorf("write = %v, want ErrUnavailable", err)
		}
		c := expect(t, changes, false, 5*time.Second)
		took := c.at.Sub(began)
		t.Logf("down after %v", took.Round(time.Millisecond))
		if took = min(took, had()); took > time.Second {
			t.Errorf("down was told after %v, want within 1 s", took)
		}
		tunnel.Mend()
		expect(t, changes, true, 5*time.Second)
		if err := write(t, conn); err != nil {
			t.Errorf("after the return: %v", err)
		}
	}
}
