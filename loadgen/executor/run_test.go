package executor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/session"
	"guestload/scenarios"
)

// start is one guest's start as it was seen.
type start struct {
	index        int
	intended, at time.Duration
}

// theatre plays guests who do nothing but stay for a while.
type theatre struct {
	stay func(index int) time.Duration
	fate func(index int) session.Fate

	mu     sync.Mutex
	starts []start
	most   int
	live   int
}

func (th *theatre) plan(phases ...scenarios.Phase) Plan {
	clock := session.Clock{Epoch: time.Now()}
	return Plan{
		Phases: phases, Seed: 3, Clock: clock, Book: measure.NewBook(2), Workers: 2, Grace: time.Minute,
		Play: func(ctx context.Context, g session.Guest) session.Fate {
			th.mu.Lock()
			th.starts = append(th.starts, start{g.Index, g.Intended, clock.Now()})
			th.live++
			th.most = max(th.most, th.live)
			th.mu.Unlock()
			defer func() {
				th.mu.Lock()
				th.live--
				th.mu.Unlock()
			}()
			select {
			case <-time.After(th.stay(g.Index)):
			case <-ctx.Done():
				return session.Stopped
			}
			if th.fate == nil {
				return session.Completed
			}
			return th.fate(g.Index)
		},
	}
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

func burst(n int, within time.Duration) scenarios.Phase {
	return scenarios.Phase{Shape: scenarios.Burst, Guests: n, For: within, Record: true}
}

func closed(n int, d time.Duration) scenarios.Phase {
	return scenarios.Phase{Shape: scenarios.Closed, Guests: n, For: d, Record: true}
}

func mustRun(t *testing.T, ctx context.Context, p Plan) Tally {
	t.Helper()
	tally, err := Run(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if sum := tally.Completed + tally.Failed + tally.Unmatched + tally.Dropped + tally.Stopped; tally.Arrived != sum || tally.Live != 0 {
		t.Errorf("%+v: arrived is not the sum of what became of them", tally)
	}
	return tally
}

func TestOpenPhasesStartEverybodyWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(5 * time.Second)}
		p := th.plan(scenarios.Phase{Shape: scenarios.Rate, From: 10, For: 2 * time.Second},
			scenarios.Phase{Shape: scenarios.Pause, For: 3 * time.Second}, burst(50, time.Second))
		tally := mustRun(t, t.Context(), p)
		if tally.Arrived != 70 || tally.Completed != 70 || tally.Phase != 3 {
			t.Errorf("%+v, want 70 arrived and completed", tally)
		}
		for i, s := range th.starts {
			if s.at != s.intended || s.index != i {
				t.Errorf("start %d: %+v, want it in its turn, when it was due", i, s)
			}
		}
		if took := p.Clock.Now(); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("the run took %v, want until the last guest had gone", took)
		}
	})
}

func TestALateGeneratorSkipsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(0)}
		p := th.plan(burst(100, time.Second))
		var mu sync.Mutex
		var worst time.Duration
		p.Started = func(intended, actual time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			worst = max(worst, actual-intended)
		}
		time.Sleep(3 * time.Second) // so late is the whole run
		if tally := mustRun(t, t.Context(), p); tally.Completed != 100 {
			t.Errorf("%+v, want 100 completed", tally)
		}
		if worst < 2*time.Second || worst > 3*time.Second {
			t.Errorf("the worst start was %v late, want about 3 s, and heard of", worst)
		}
	})
}

func TestClosedPhasesKeepTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(100 * time.Millisecond)}
		p := th.plan(burst(5, 500*time.Millisecond), closed(10, 2*time.Second))
		tally := mustRun(t, t.Context(), p)
		if tally.Arrived < 5+190 || tally.Arrived > 5+210 {
			t.Errorf("%d arrived, want about 5 and 10 × 20", tally.Arrived)
		}
		if th.most != 10 {
			t.Errorf("%d guests at a time, want 10", th.most)
		}
		indices := map[int]bool{}
		for _, s := range th.starts {
			if indices[s.index] {
				t.Errorf("two guests have the index %d", s.index)
			}
			indices[s.index] = true
		}
		for i := range tally.Arrived {
			if !indices[i] {
				t.Errorf("no guest has the index %d", i)
			}
		}
	})
}

func TestSharesMakeUpTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []int
		for k := range 3 {
			th := &theatre{stay: always(10 * time.Millisecond)}
			p := th.plan(burst(50, time.Second), closed(6, time.Second))
			p.Share = Share{k, 3}
			mustRun(t, t.Context(), p)
			if th.most != 2 && k > 0 {
				t.Errorf("share %d: %d guests at a time, want 2", k, th.most)
			}
			for _, s := range th.starts {
				all = append(all, s.index)
			}
		}
		slices.Sort(all)
		if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
			t.Errorf("%d guests have %d indices", len(all), n)
		}
	})
}

func TestGuestsPastTheLimitAreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(time.Hour / 100)}
		p := th.plan(burst(100, time.Second))
		p.MaxLive = 30
		tally := mustRun(t, t.Context(), p)
		if tally.Dropped != 70 || tally.Completed != 30 || th.most != 30 {
			t.Errorf("%+v, at most %d at a time; want 30 completed, 70 dropped", tally, th.most)
		}
	})
}

func TestFatesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(time.Second), fate: func(index int) session.Fate {
			return []session.Fate{session.Completed, session.Failed, session.Unmatched, session.Completed}[index%4]
		}}
		tally := mustRun(t, t.Context(), th.plan(burst(100, time.Second)))
		if tally.Completed != 50 || tally.Failed != 25 || tally.Unmatched != 25 {
			t.Errorf("%+v, want 50, 25, 25", tally)
		}
	})
}

func TestTheGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: func(index int) time.Duration { return time.Duration(index) * time.Hour }}
		p := th.plan(burst(10, time.Second))
		tally := mustRun(t, t.Context(), p)
		if tally.Completed != 1 || tally.Unfinished != 9 || tally.Failed != 9 || tally.Interrupted {
			t.Errorf("%+v, want 1 completed and 9 unfinished", tally)
		}
		if took := p.Clock.Now(); took != time.Minute+time.Second {
			t.Errorf("the run took %v, want the second of the burst and the minute of grace", took)
		}
	})
}

func TestAnInterruptEndsTheRunAtOnce(t *testing.T) {
	for _, phase := range []scenarios.Phase{burst(100, 10*time.Second), closed(10, 10*time.Second)} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			defer cancel()
			th := &theatre{stay: always(time.Second)}
			p := th.plan(phase)
			tally := mustRun(t, ctx, p)
			if !tally.Interrupted || tally.Stopped != 10 || tally.Failed != 0 {
				t.Errorf("%+v, want interrupted with 10 stopped", tally)
			}
			if took := p.Clock.Now(); took != 3500*time.Millisecond {
				t.Errorf("the run went on until %v", took)
			}
		})
	}
}

// Guests who do not end when they are stopped keep nobody waiting, and what becomes of
// them later changes no figure.
func TestGuestsWhoHangAreCountedAsStopped(t *testing.T) {
	for name, tt := range map[string]struct {
		phase     scenarios.Phase
		interrupt time.Duration // 0: none
		took      time.Duration
		want      Tally
	}{
		"open, interrupted":          {burst(10, time.Second), 3 * time.Second, 3250 * time.Millisecond, Tally{Arrived: 10, Stopped: 10, Phase: 1, Interrupted: true}},
		"while guests arrive":        {burst(10, time.Second), 450 * time.Millisecond, 700 * time.Millisecond, Tally{Arrived: 5, Stopped: 5, Phase: 1, Interrupted: true}},
		"closed, interrupted":        {closed(4, time.Second), 3 * time.Second, 3250 * time.Millisecond, Tally{Arrived: 4, Stopped: 4, Interrupted: true}},
		"the end of the grace":       {burst(10, time.Second), 0, 63 * time.Second, Tally{Arrived: 10, Failed: 10, Unfinished: 10, Phase: 1}},
		"an interrupt soon after it": {burst(10, time.Second), 61500 * time.Millisecond, 61750 * time.Millisecond, Tally{Arrived: 10, Stopped: 10, Phase: 1, Interrupted: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.interrupt > 0 {
					time.AfterFunc(tt.interrupt, cancel)
				}
				p := (&theatre{}).plan(tt.phase)
				release := make(chan struct{})
				p.Play = func(context.Context, session.Guest) session.Fate {
					<-release
					return session.Completed
				}
				tally := mustRun(t, ctx, p)
				if took := p.Clock.Now(); took != tt.took || tally != tt.want {
					t.Errorf("after %v: %+v, want after %v: %+v", took, tally, tt.took, tt.want)
				}
				close(release)
				synctest.Wait()
			})
		})
	}
}

func TestTicksFollowTheClockOfALateBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := (&theatre{stay: always(0)}).plan(scenarios.Phase{Shape: scenarios.Pause, For: 2500 * time.Millisecond})
		p.Clock.Epoch = time.Now().Add(250 * time.Millisecond) // the processes of one run wait for it
		var seen []time.Duration
		p.Tick = func(at time.Duration, _ Tally) { seen = append(seen, at) }
		mustRun(t, t.Context(), p)
		if want := []time.Duration{time.Second, 2 * time.Second}; !slices.Equal(seen, want) {
			t.Errorf("ticks at %v, want %v", seen, want)
		}
	})
}

func TestTicksComeOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := &theatre{stay: always(2700 * time.Millisecond)}
		p := th.plan(burst(1, 100*time.Millisecond), scenarios.Phase{Shape: scenarios.Pause, For: 1250 * time.Millisecond}, burst(2, 100*time.Millisecond))
		var seen []string
		p.Tick = func(at time.Duration, now Tally) {
			seen = append(seen, fmt.Sprintf("%v: %d of %d in phase %d", at, now.Live, now.Arrived, now.Phase))
		}
		mustRun(t, t.Context(), p)
		want := []string{"1s: 1 of 1 in phase 0", "2s: 3 of 3 in phase 3", "3s: 2 of 3 in phase 3", "4s: 2 of 3 in phase 3"}
		if !slices.Equal(seen, want) {
			t.Errorf("ticks %q, want one a second with what was then: %q", seen, want)
		}
	})
}

func TestPlansThatCannotBeRunAreRefused(t *testing.T) {
	th := &theatre{stay: always(0)}
	good := th.plan(burst(1, time.Second))
	for name, change := range map[string]func(*Plan){
		"no play":       func(p *Plan) { p.Play = nil },
		"no book":       func(p *Plan) { p.Book = nil },
		"no workers":    func(p *Plan) { p.Workers = 0 },
		"negative live": func(p *Plan) { p.MaxLive = -1 },
		"share":         func(p *Plan) { p.Share = Share{3, 3} },
		"phase":         func(p *Plan) { p.Phases = []scenarios.Phase{{For: -1}} },
	} {
		p := good
		change(&p)
		if _, err := Run(t.Context(), p); err == nil {
			t.Errorf("%s: the plan was run", name)
		}
	}
}
