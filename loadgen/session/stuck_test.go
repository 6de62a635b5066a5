package session

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/server/api"
)

// prompt is until when nobody waits any more for words that are known to be lost.
const prompt = 15 * time.Second

func lastWords(m verify.Header) bool { return m.K == m.N }

// Each of two waits for the other's last words, and neither leaves: only what they
// wait for can show that it was lost.
func TestTwoWhoseLastWordsAreLostDoNotHoldEachOther(t *testing.T) {
	talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(3, 0.1), dropping(scenarios.Clean))
	for name, tt := range map[string]func(*fakeServer){
		"in silence":             func(*fakeServer) {},
		"while statistics come":  func(server *fakeServer) { server.chatter(time.Second) },
		"over a slow connection": func(server *fakeServer) { server.delay = 100 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, server := time.Now(), newFakeServer()
				server.faulty, server.lose = true, lastWords
				tt(server)
				s := perform(t, t.Context(), server, nil, talker, talker)
				if took := time.Since(begin); took > prompt {
					t.Errorf("they waited for %v", took)
				}
				if n := s.world.Verifier.Count(); n != 2 || !slices.Contains(s.fates, Failed) {
					t.Errorf("%d breaches, fates %v; want the two messages that were lost, and who waited to have failed", n, s.fates)
				}
			})
		})
	}
}

// chatter tells everybody something once in a while that no guest waits for.
func (t *fakeServer) chatter(every time.Duration) {
	time.AfterFunc(every, func() {
		t.mu.Lock()
		for _, m := range t.members {
			t.tell(m, api.EventStats, nil)
		}
		t.mu.Unlock()
		t.chatter(every)
	})
}

// The same where each is played by another process: what they wait for shows only
// where all are judged.
func TestTwoOfTwoProcessesDoNotHoldEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, server := Clock{time.Now()}, newFakeServer()
		server.lose, server.delay = lastWords, 10*time.Millisecond // effects come after their causes
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(3, 0.1), dropping(scenarios.Clean))
		judge := verify.New(verify.Contract())
		replay, book := verify.NewReplay(judge, 2), measure.NewBook(2)
		taps, worlds := make([]verify.Tap, 2), make([]*World, 2)
		var guests, handing sync.WaitGroup
		for i := range worlds {
			worlds[i] = NewWorld(Setting{Backend: server, Clock: clock, Verifier: verify.NewTapped(verify.Contract(), &taps[i]), Scripts: []scenarios.Script{talker}})
			guests.Go(func() {
				at := time.Duration(i) * time.Millisecond
				time.Sleep(at)
				worlds[i].Play(t.Context(), Guest{Index: i, Intended: at, Recorder: book.Recorder(i)})
			})
		}
		handOver := func() {
			for i := range taps {
				if err := replay.Add(i, taps[i].Take(), clock.Now()); err != nil {
					t.Error(err)
				}
			}
			wronged := judge.Wronged()
			for _, w := range worlds {
				w.Verifier.Wrong(wronged)
			}
		}
		over := make(chan struct{})
		handing.Go(func() {
			again := time.NewTicker(200 * time.Millisecond)
			defer again.Stop()
			for {
				select {
				case <-again.C:
					handOver()
				case <-over:
					return
				}
			}
		})
		guests.Wait()
		close(over)
		handing.Wait()
		handOver()
		if took := clock.Now(); took > prompt {
			t.Errorf("they waited for %v", took)
		}
		if n := judge.Count(); n != 2 {
			t.Errorf("%d breaches, want the two messages that were lost", n)
		}
	})
}

// Who is not told that the partner has left waits for words that cannot come.
func TestAForgottenReleaseDoesNotHoldWhoWaitsForWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, server := time.Now(), newFakeServer()
		server.faulty = true
		for _, event := range []string{api.EventUserLeft, api.EventChatCleared, api.EventRoomClosed} {
			server.deaf[event] = true
		}
		leaver := script("leaver", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), staying(scenarios.Idle, 1), dropping(scenarios.Clean))
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(1, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, leaver, talker)
		s.wantFates(t, Completed, Failed)
		if took := time.Since(begin); took > prompt {
			t.Errorf("the partner waited for %v", took)
		}
		if n := s.world.Verifier.Count(); n != 1 {
			t.Errorf("%d breaches, want that the partner was not told", n)
		}
	})
}

// Silence alone proves nothing.
func TestAPartnerWhoTakesTimeIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dreamer := script("dreamer", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), staying(scenarios.Idle, 60), chatOf(2, 0.1), dropping(scenarios.Clean))
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(2, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, dreamer, talker)
		s.wantFates(t, Completed, Completed)
	})
}

// Who has heard all that the partner has to say waits for nothing, however much it
// has to say itself.
func TestWhoHasMuchMoreToSayIsNotHeldUpByAPartnerWhoListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		speaker := script("speaker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(200, 1), dropping(scenarios.Clean))
		listener := script("listener", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(1, 1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), newFakeServer(), nil, speaker, listener)
		s.wantFates(t, Completed, Completed)
	})
}

// A guest waits for a partner that fell silent for as long as the server may take to
// notice that, which is longer over Socket.IO.
func TestASilentPartnerIsWaitedForAsTheTransportAllows(t *testing.T) {
	for _, tt := range []struct {
		framing api.Framing
		noticed time.Duration
		fate    Fate // of who waits
	}{
		{api.JSON, 58 * time.Second, Completed},
		{api.JSON, 85 * time.Second, Failed},
		{api.SocketIO, 85 * time.Second, Completed},
		{api.SocketIO, 120 * time.Second, Failed},
	} {
		t.Run(fmt.Sprintf("%v noticed after %v", tt.framing, tt.noticed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				server.vanish, server.faulty = tt.noticed, tt.fate == Failed
				silent := script("silent", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), staying(scenarios.Idle, 1), dropping(scenarios.HalfOpen))
				talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(1, 0.1), dropping(scenarios.Clean))
				s := perform(t, t.Context(), server, func(set *Setting) {
					set.Verifier = verify.New(verify.Contract().Over(tt.framing))
				}, silent, talker)
				s.wantFates(t, Completed, tt.fate)
			})
		})
	}
}
