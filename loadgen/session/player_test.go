package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// constant is a Draw that is none.
func constant(v float64) scenarios.Draw { return scenarios.Draw{Form: scenarios.Constant, A: v} }

func chatOf(n int, think float64) scenarios.Step {
	return scenarios.Step{Kind: scenarios.Chat, Messages: constant(float64(n)), Think: constant(think), Length: constant(60)}
}

func searchFor(within time.Duration) scenarios.Step {
	return scenarios.Step{Kind: scenarios.Search, Within: within}
}

func step(k scenarios.Kind) scenarios.Step { return scenarios.Step{Kind: k} }

func dropping(how scenarios.How) scenarios.Step {
	return scenarios.Step{Kind: scenarios.Drop, How: how}
}

func script(name string, steps ...scenarios.Step) scenarios.Script {
	return scenarios.Script{Name: name, Weight: 1, Steps: steps}
}

// stage is one run of some guests in one server.
type stage struct {
	server *fakeServer
	world  *World
	book   *measure.Book
	fates  []Fate
}

// perform plays one guest a script, each arriving a millisecond after the last,
// and checks that the server is empty and no rule was broken in the end, unless
// the server is faulty.
func perform(t *testing.T, ctx context.Context, server *fakeServer, change func(*Setting), scripts ...scenarios.Script) *stage {
	t.Helper()
	s := &stage{server: server, book: measure.NewBook(1), fates: make([]Fate, len(scripts))}
	set := Setting{Backend: server, Clock: Clock{time.Now()}, Verifier: verify.New(verify.Contract()), Scripts: scripts, Seed: 7}
	if change != nil {
		change(&set)
	}
	s.world = NewWorld(set)
	var guests sync.WaitGroup
	for i := range scripts {
		guests.Go(func() {
			at := time.Duration(i) * time.Millisecond
			time.Sleep(time.Until(set.Clock.At(at)))
			p := newPlayer(s.world, Guest{Index: i, Intended: at, Recorder: s.book.Recorder(0)})
			p.script = &scripts[i]
			p.traits = drawTraits(&p.random, p.script.Profile)
			s.fates[i] = p.play(ctx)
		})
	}
	guests.Wait()
	s.book.Finish(set.Clock.Now())
	waiting, chatting, sockets := server.leftovers()
	left := verify.Leftovers{"waiting": waiting, "chatting": chatting, "sockets": sockets}
	for _, v := range set.Verifier.Finish(set.Clock.Now(), left).Violations {
		if v.Count > 0 && !server.faulty {
			t.Errorf("%s violated %d times: %s", v.Rule, v.Count, strings.Join(v.Examples, "\n"))
		}
	}
	return s
}

// String names the fate.
func (f Fate) String() string {
	return [...]string{"completed", "failed", "unmatched", "stopped"}[f]
}

func (s *stage) wantFates(t *testing.T, want ...Fate) {
	t.Helper()
	if !slices.Equal(s.fates, want) {
		t.Errorf("fates %v, want %v; stories: %q", s.fates, want, s.world.FirstFailures())
	}
}

// counts lists what was measured: "ack=3 leave=1 match!timeout=2".
func (s *stage) counts() string {
	total := s.book.Totals()
	var all []string
	for _, op := range operation.All() {
		o := total.Operations[op]
		if o == nil {
			continue
		}
		if n := o.Count(); n > 0 {
			all = append(all, fmt.Sprintf("%v=%d", op, n))
		}
		for kind, f := range o.Failures {
			all = append(all, fmt.Sprintf("%v!%s=%d", op, kind, f.Count))
		}
	}
	return strings.Join(all, " ")
}

func (s *stage) wantCounts(t *testing.T, want string) {
	t.Helper()
	if got := s.counts(); got != want {
		t.Errorf("measured %q, want %q; stories: %q", got, want, s.world.FirstFailures())
	}
}

func TestTwoGuestsMeetTalkAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talker := script("talker", step(scenarios.Create), step(scenarios.Fetch), step(scenarios.Connect),
			searchFor(10*time.Second), chatOf(5, 0.2), dropping(scenarios.Clean))
		other := talker
		other.Steps = slices.Clone(talker.Steps)
		other.Steps[4] = chatOf(3, 0.5)
		s := perform(t, t.Context(), newFakeServer(), nil, talker, other)
		s.wantFates(t, Completed, Completed)
		// Both have said all after 1.5 s: the second leaves with the last message said, or a moment later.
		if got := s.counts(); !strings.HasPrefix(got, "create=2 fetch=2 connect=2 match=2 ack=8 delivery=8 leave=") {
			t.Errorf("measured %q", got)
		}
	})
}

func TestTimesAreMeasuredFromTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.delay = 10 * time.Millisecond
		server.stallAck = func(nth int) time.Duration { return 2 * time.Second }
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(10*time.Second), chatOf(3, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, talker, talker)
		s.wantFates(t, Completed, Completed)
		total := s.book.Totals()
		for op, want := range map[operation.Op]time.Duration{
			operation.Create: 10 * time.Millisecond, operation.Connect: 10 * time.Millisecond,
			// One hears of it at once, the other had searched a millisecond earlier.
			operation.Match: 11 * time.Millisecond,
			operation.Ack:   2 * time.Second,
		} {
			h := total.Operations[op].Response
			if got := time.Duration(h.Max()) * time.Microsecond; got < want || got > want+want/500+time.Microsecond {
				t.Errorf("response(%v) max %v, want %v", op, got, want)
			}
			if lag := total.Operations[op].Lag.Max(); lag != 0 {
				t.Errorf("lag(%v) max %d µs, want 0", op, lag)
			}
		}
	})
}

func TestTheOddGuestIsUnmatchedNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(1, 0), dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, talker, talker, talker)
		s.wantFates(t, Completed, Completed, Unmatched)
	})
}

func TestGuestsWhomTheServerNeverMatchesHaveFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.deaf["user:match"] = true
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second))
		s := perform(t, t.Context(), server, nil, talker, talker)
		s.wantFates(t, Failed, Failed)
		s.wantCounts(t, "create=2 connect=2 match!timeout=2")
	})
}

func TestGuestsWhoWantOthersAreUnmatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seeker := func(is, wants string) scenarios.Script {
			s := script(is, step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second))
			s.Profile.Language = []string{is}
			s.Steps[2].Wants.Language = []string{wants}
			return s
		}
		s := perform(t, t.Context(), newFakeServer(), nil, seeker("de", "fr"), seeker("de", "ja"))
		s.wantFates(t, Unmatched, Unmatched)
		s.wantCounts(t, "create=2 connect=2")
	})
}

func TestAPartnerWhoDropsEndsTheChat(t *testing.T) {
	for how, within := range map[scenarios.How]time.Duration{
		scenarios.Clean: time.Second, scenarios.Abrupt: time.Second, scenarios.HalfOpen: 61 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(200, 0.5), dropping(scenarios.Clean))
			quitter := script("quitter", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), dropping(how))
			s := perform(t, t.Context(), newFakeServer(), nil, talker, quitter)
			s.wantFates(t, Completed, Completed)
			if took := time.Since(begin); took > within {
				t.Errorf("%s: the talker went on for %v, want at most %v", how, took, within)
			}
		})
	}
}

func TestTheSilenceBeforeAChatIsNobodysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := script("late", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second),
			scenarios.Step{Kind: scenarios.Wait, Until: 5 * time.Minute}, chatOf(2, 10), dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, late, late)
		s.wantFates(t, Completed, Completed)
		s.wantCounts(t, "create=2 connect=2 match=2 ack=4 delivery=4 leave=1")
	})
}

// TestAGuestWhoThinksIsLeftAlone: 100,000 of them who looked around every few
// seconds were most of what they cost.
func TestAGuestWhoThinksIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := script("slow", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(3, 60), dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, slow, slow)
		s.wantFates(t, Completed, Completed)
		if s.server.timeouts > 2*3 {
			t.Errorf("two guests who said 3 messages each woke up %d times for nothing but the time, want once a message", s.server.timeouts)
		}
	})
}

func TestAfterAWaitGuestsGoOnAtARateInTheOrderOfTheirComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := scenarios.Step{Kind: scenarios.Wait, Until: 20 * time.Second, At: 0.5}
		staying := script("staying", step(scenarios.Create), step(scenarios.Connect), wait, dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, staying, staying, staying)
		s.wantFates(t, Completed, Completed, Completed)
		if took := s.world.Clock.Now(); took < 24*time.Second || took > 25*time.Second {
			t.Errorf("the third went after %v, want 24s", took)
		}
		if lines := strings.Join(Rehearse(s.world.Setting, 2), "\n"); !strings.Contains(lines, "wait until 24s") {
			t.Errorf("rehearsed as %s", lines)
		}
	})
}

func TestAScriptOfEveryStepIsPlayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := script("all", step(scenarios.Create), step(scenarios.Rename), step(scenarios.Locate), step(scenarios.Fetch),
			step(scenarios.Connect), step(scenarios.Online), step(scenarios.Stats), step(scenarios.Renew),
			searchFor(5*time.Second), chatOf(2, 0.1),
			scenarios.Step{Kind: scenarios.Idle, For: constant(1)},
			scenarios.Step{Kind: scenarios.Next, Within: 5 * time.Second, Think: constant(0.25)}, chatOf(2, 0.1),
			step(scenarios.Reconnect), searchFor(5*time.Second), chatOf(1, 0.1), dropping(scenarios.Clean))
		all.Steps[12].Typing = true
		s := perform(t, t.Context(), newFakeServer(), nil, all, all)
		s.wantFates(t, Completed, Completed)
		total := s.book.Totals()
		for op, want := range map[operation.Op]int64{
			operation.Create: 4, operation.Fetch: 2, operation.Connect: 2, operation.Online: 2, operation.Stats: 2, operation.Renew: 2,
			operation.Match: 6, operation.Reconnect: 2,
		} {
			if got := total.Operations[op].Count(); got != want {
				t.Errorf("%v: %d samples, want %d", op, got, want)
			}
		}
	})
}

func TestStepsThatTheBackendLacksAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.refuse["/api/guest/token"] = "not here"
		s := perform(t, t.Context(), server, func(set *Setting) { set.Without = map[scenarios.Kind]bool{scenarios.Renew: true} },
			script("renewer", step(scenarios.Create), step(scenarios.Renew)))
		s.wantFates(t, Completed)
		s.wantCounts(t, "create=1")
	})
}

func TestFailuresAreCountedByKind(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(*fakeServer)
		counts string // without the leaves
	}{
		{"create refused", func(t *fakeServer) { t.refuse["/api/guest"] = "full" }, "create!refused=2"},
		{"fetch refused, and the guests go on", func(t *fakeServer) { t.refuse["/api/guest/1"] = "no" },
			"create=2 fetch=1 fetch!refused=1 connect=2 match=2 ack=4 delivery=4"},
		{"messages are not acknowledged", func(t *fakeServer) { t.deaf["chat:message:sent"] = true },
			"create=2 fetch=2 connect=2 match=2 ack!timeout=4 delivery=4"},
		{"leaving is not confirmed", func(t *fakeServer) { t.deaf["chat:clear"] = true },
			"create=2 fetch=2 connect=2 match=2 ack=4 delivery=4 leave!timeout="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				server.faulty = true
				tt.break_(server)
				talker := script("talker", step(scenarios.Create), step(scenarios.Fetch), step(scenarios.Connect),
					searchFor(5*time.Second), chatOf(2, 0.1), dropping(scenarios.Clean))
				s := perform(t, t.Context(), server, nil, talker, talker)
				got := s.counts()
				// Who leaves first may release the other, who then has nobody to leave.
				rest, ok := strings.CutPrefix(got, tt.counts)
				if ok && slices.Contains([]string{"", " leave=1", " leave=2", "1", "2"}, rest) {
					return
				}
				t.Errorf("measured %q, want %q; stories: %q", got, tt.counts, s.world.FirstFailures())
			})
		})
	}
}

func TestALostMessageDoesNotHoldTheChatForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.deaf["chat:message"] = true // they are not even taken
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(2, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, talker, talker)
		s.wantFates(t, Failed, Failed)
		if got := s.counts(); !strings.Contains(got, "ack!timeout=4") || !strings.Contains(got, "delivery!timeout=") {
			t.Errorf("measured %q", got)
		}
	})
}

func TestAWindowOfMessagesIsUnacknowledgedAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.delay = 50 * time.Millisecond
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(3*window, 0), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, talker, talker)
		s.wantFates(t, Completed, Completed)
		ack := s.book.Totals().Operations[operation.Ack]
		if ack.Count() != 6*window || ack.Lag.Max() != 0 || ack.Response.Max() > 50_100 {
			t.Errorf("%d acks, lag max %d µs, response max %d µs; want %d, 0, 50000: a full window is a cause",
				ack.Count(), ack.Lag.Max(), ack.Response.Max(), 6*window)
		}
	})
}

func TestAMatchThatCrossesTheCancellationCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.delay = 100 * time.Millisecond
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(50*time.Millisecond), chatOf(1, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, talker, talker)
		s.wantFates(t, Completed, Completed)
		if got := s.book.Totals().Operations[operation.Match].Count(); got != 2 {
			t.Errorf("%d matches, want 2: %s", got, s.counts())
		}
	})
}

func TestAGuestStopsWhenTheRunDoes(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			server := newFakeServer()
			server.delay = 3 * time.Millisecond
			talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(time.Minute), chatOf(1000, 1))
			s := perform(t, ctx, server, nil, talker, talker)
			s.wantFates(t, Stopped, Stopped)
			if got := s.counts(); strings.Contains(got, "!") {
				t.Errorf("measured %q: being stopped is no failure", got)
			}
		})
	}
}

func TestABrokenConnectionIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		time.AfterFunc(1500*time.Millisecond, func() {
			server.mu.Lock()
			defer server.mu.Unlock()
			for _, m := range server.members {
				m.wire.end(fmt.Errorf("%w: 1011", ErrClosed))
			}
		})
		lurker := script("lurker", step(scenarios.Create), step(scenarios.Connect), scenarios.Step{Kind: scenarios.Idle, For: constant(60)})
		s := perform(t, t.Context(), server, nil, lurker)
		s.wantFates(t, Failed)
		s.wantCounts(t, "create=1 connect=1 connect!closed=1")
		if got := s.world.FirstFailures(); len(got) != 1 || !strings.Contains(got[0], "first closed of connect: guest 0 after 1.5s") {
			t.Errorf("stories %q", got)
		}
	})
}
