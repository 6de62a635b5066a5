package session

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
	"guestload/server/api/frame"
)

func staying(kind scenarios.Kind, seconds float64) scenarios.Step {
	return scenarios.Step{Kind: kind, For: constant(seconds)}
}

func TestGuestsWaitForTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		waiting := scenarios.Step{Kind: scenarios.Wait, Until: 5 * time.Second}
		late := script("late", step(scenarios.Create), step(scenarios.Connect), staying(scenarios.Idle, 7), waiting, dropping(scenarios.Clean))
		early := script("early", step(scenarios.Create), waiting, step(scenarios.Connect), step(scenarios.Reconnect))
		s := perform(t, t.Context(), newFakeServer(), nil, early, early, late)
		s.wantFates(t, Completed, Completed, Completed)
		if took := time.Since(begin); took > 7100*time.Millisecond {
			t.Errorf("it took %v: who is late goes on at once", took)
		}
	})
}

func TestAnExpiredTokenIsReplacedAndTheRequestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.lifetime, server.delay = 4*time.Second, 10*time.Millisecond
		sleeper := script("sleeper", step(scenarios.Create), step(scenarios.Connect), searchFor(5*time.Second), chatOf(2, 0.1),
			staying(scenarios.Idle, 5), step(scenarios.Stats), staying(scenarios.Idle, 5), step(scenarios.Reconnect),
			searchFor(5*time.Second), chatOf(2, 0.1), dropping(scenarios.Clean))
		s := perform(t, t.Context(), server, nil, sleeper, sleeper)
		s.wantFates(t, Completed, Completed)
		if got := s.counts(); !strings.HasPrefix(got, "create=6 connect=2 match=4 ack=8 delivery=8") || !strings.Contains(got, "reconnect=4 stats=2") || strings.Contains(got, "!") {
			t.Errorf("measured %q; stories: %q", got, s.world.FirstFailures())
		}
		if took := s.book.Totals().Operations[operation.Stats].Response.Max(); took < 40_000 {
			t.Errorf("stats took %d µs: the refused request, the new session, the socket and the second request take 40 ms", took)
		}
	})
}

func TestARenewedTokenKeepsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		server.lifetime = 4 * time.Second
		s := perform(t, t.Context(), server, nil, script("renewer", step(scenarios.Create), step(scenarios.Connect),
			staying(scenarios.Idle, 3), step(scenarios.Renew), staying(scenarios.Idle, 3), step(scenarios.Stats), step(scenarios.Reconnect)))
		s.wantFates(t, Completed)
		s.wantCounts(t, "create=1 connect=1 reconnect=1 stats=1 renew=1")
	})
}

func TestTheDeafAreClosedWithACodeOrNotAtAll(t *testing.T) {
	for name, tt := range map[string]struct {
		end  error
		then scenarios.Step
		fate Fate
		want string
	}{
		"not closed":              {nil, searchFor(time.Second), Unmatched, "create=1 connect=1"},
		"with a code":             {&ClosedError{Code: frame.SlowReader}, searchFor(time.Second), Completed, "create=1 connect=1 refusal=1"},
		"with a code, and back":   {&ClosedError{Code: frame.SlowReader}, step(scenarios.Reconnect), Completed, "create=1 connect=1 reconnect=1 refusal=1"},
		"with a frame, no code":   {&ClosedError{Code: frame.NoStatus}, searchFor(time.Second), Failed, "create=1 connect=1 refusal!wrong-refusal=1"},
		"without a word":          {ErrClosed, searchFor(time.Second), Failed, "create=1 connect=1 refusal!closed=1"},
		"while it is not to stay": {nil, dropping(scenarios.Abrupt), Completed, "create=1 connect=1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				if tt.end != nil {
					time.AfterFunc(2*time.Second, func() {
						server.mu.Lock()
						defer server.mu.Unlock()
						for _, m := range server.members {
							m.wire.end(tt.end)
							server.release(m, api.EventRoomClosed)
							m.wire = nil
						}
					})
				}
				s := perform(t, t.Context(), server, nil, script("deaf", step(scenarios.Create), step(scenarios.Connect), staying(scenarios.Deaf, 5), tt.then))
				s.wantFates(t, tt.fate)
				s.wantCounts(t, tt.want)
			})
		})
	}
}

func TestWhatTheDeafHearLateIsNoDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talker := script("talker", step(scenarios.Create), step(scenarios.Connect), searchFor(time.Second), chatOf(20, 0.5))
		deaf := script("deaf", step(scenarios.Create), step(scenarios.Connect), searchFor(time.Second), staying(scenarios.Deaf, 5.1), chatOf(1, 0.1))
		s := perform(t, t.Context(), newFakeServer(), nil, talker, deaf)
		s.wantFates(t, Completed, Completed)
		if got := s.counts(); !strings.HasPrefix(got, "create=2 connect=2 match=2 ack=21 delivery=11") {
			t.Errorf("measured %q, want only the messages from 5.5 s on, and the one that goes back", got)
		}
	})
}

// A server that accepts everything, or is content with any no, is found out.
func TestAcceptanceAndWrongRefusalsAreFailuresOfTheirOwn(t *testing.T) {
	hostile := func(kinds ...string) scenarios.Script {
		return script("vandal", step(scenarios.Create), step(scenarios.Connect), scenarios.Step{Kind: scenarios.Hostile, With: kinds}, step(scenarios.Online))
	}
	for name, tt := range map[string]struct {
		attack string
		change func(*fakeServer)
		want   string
	}{
		"names are taken":           {"names", func(*fakeServer) {}, "refusal!accepted=1"},
		"bodies are taken":          {"bodies", func(*fakeServer) {}, "refusal!accepted=1"},
		"names get the wrong no":    {"names", func(t *fakeServer) { t.refuseNext = 1 }, "refusal!wrong-refusal=1"},
		"floods are taken":          {"floods", func(*fakeServer) {}, "refusal!accepted=1"},
		"floods end with a code":    {"floods", func(t *fakeServer) { t.angry, t.patience = &ClosedError{Code: 4003}, 100 }, "refusal=1"},
		"floods end without one":    {"floods", func(t *fakeServer) { t.angry, t.patience = &ClosedError{Code: frame.NoStatus}, 100 }, "refusal=1"},
		"floods end in a reset":     {"floods", func(t *fakeServer) { t.angry, t.patience = syscall.ECONNRESET, 100 }, "refusal!reset=1"},
		"frames end without a word": {"frames", func(t *fakeServer) { t.angry, t.patience = ErrClosed, 1 }, "refusal!closed=1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				tt.change(server)
				s := perform(t, t.Context(), server, nil, hostile(tt.attack))
				if got := s.counts(); !strings.HasSuffix(got, tt.want) || !strings.Contains(got, "online=1") {
					t.Errorf("measured %q, want %s and the guest to go on; stories %q", got, tt.want, s.world.FirstFailures())
				}
			})
		})
	}
}

func TestRefusalsAreJudgedByStatusCodeAndWords(t *testing.T) {
	invalid := refusal{status: 400, messages: []string{"Validation failed"}, reason: "too long"}
	closing := refusal{closing: true, code: frame.ProtocolError}
	for name, tt := range map[string]struct {
		want refusal
		err  error
		is   error // nil: right
	}{
		"right":                    {invalid, &RefusedError{400, "Validation failed", []string{"x", "too long"}}, nil},
		"a yes":                    {invalid, nil, ErrAccepted},
		"another status":           {invalid, &RefusedError{401, "Validation failed", []string{"too long"}}, ErrWrongRefusal},
		"other words":              {invalid, &RefusedError{400, "No", []string{"too long"}}, ErrWrongRefusal},
		"another reason":           {invalid, &RefusedError{400, "Validation failed", nil}, ErrWrongRefusal},
		"no answer":                {invalid, ErrTimeout, ErrTimeout},
		"a socket's no":            {refusal{status: 401, messages: []string{"a", "b"}}, &RefusedError{Message: "b"}, nil},
		"closed rightly":           {closing, fmt.Errorf("x: %w", &ClosedError{Code: frame.ProtocolError}), nil},
		"closed with another code": {closing, &ClosedError{Code: frame.Normal}, ErrWrongRefusal},
		"closed without a code":    {refusal{closing: true}, &ClosedError{Code: frame.NoStatus}, ErrWrongRefusal},
		"closed, a code or not":    {refusal{closing: true, anyClose: true}, ErrClosed, nil},
		"left open":                {refusal{closing: true, anyClose: true}, nil, ErrAccepted},
		"cut":                      {closing, ErrClosed, ErrClosed},
		"not closed":               {closing, nil, ErrAccepted},
	} {
		if got := tt.want.judge(tt.err); !errors.Is(got, tt.is) || (got == nil) != (tt.is == nil) {
			t.Errorf("%s: %v, want %v", name, got, tt.is)
		}
	}
}

func TestATokenIsAlteredInOnePartOnly(t *testing.T) {
	for part := range 3 {
		got := strings.Split(altered("aaaa.AAAA.bbbb", part), ".")
		for i, was := range []string{"aaaa", "AAAA", "bbbb"} {
			if (got[i] != was) != (i == part) {
				t.Errorf("part %d: %q", part, got)
			}
		}
	}
	if got := altered("opaque", 1); got == "opaque" {
		t.Error("a token that is no JWT stays as it is")
	}
	if got := unsigned("h.claims.s"); !strings.HasSuffix(got, ".claims.") {
		t.Errorf("unsigned: %q", got)
	}
}

// Each event of a flood is one that a server must accept on its own.
func TestFloodsConsistOfValidEvents(t *testing.T) {
	v := verify.New(verify.Contract())
	p := newPlayer(NewWorld(Setting{Verifier: v, Scripts: []scenarios.Script{{Weight: 1}}}), Guest{})
	for _, a := range floods() {
		for k := 1; k <= a.times; k += 333 {
			var data []byte
			if a.data != nil {
				data = a.data(p, k)
			}
			for _, framing := range []api.Framing{api.JSON, api.SocketIO} {
				packet, err := api.Decode(framing, api.AppendEvent(nil, framing, a.event, data))
				if err != nil || packet.Event != a.event || (packet.Data == nil) != (len(data) == 0) {
					t.Fatalf("%s over %v: %+v, %v", a.what, framing, packet, err)
				}
				if a.event != api.EventChatMessage {
					continue
				}
				if _, err := api.ParseChat(packet.Data); err != nil {
					t.Errorf("%s over %v: message %d is invalid: %v", a.what, framing, k, err)
				}
			}
		}
	}
}

func TestARefusalIsDescribedInWords(t *testing.T) {
	for _, tt := range []struct {
		want refusal
		text string
	}{
		{floods()[0].want, "the server closes the connection"},
		{hostileFrames()[0].want, "the server closes the connection with code 1002 protocol error"},
		{refusal{closing: true}, "the server closes the connection with a code"},
		{refusal{status: 413}, "status 413"},
		{hostileNames()[0].want, `status 400 "Validation failed" with the reason "Username must be between 3 and 20 characters"`},
		{refusal{messages: []string{"a", "b"}}, `chat:error "a" or "b"`},
	} {
		if got := tt.want.String(); got != tt.text {
			t.Errorf("got %s, want %s", got, tt.text)
		}
	}
}

// The limit of a step holds for what the step asks of the target, and for nothing else.
func TestAStepFailsWhenItsLimitPasses(t *testing.T) {
	for _, tt := range []struct {
		kind   scenarios.Kind
		counts string // of the guest whose limit is shorter than the server's delay
	}{
		{scenarios.Create, "create!timeout=1"},
		{scenarios.Rename, "create=1 create!timeout=1"},
		{scenarios.Fetch, "create=1 fetch!timeout=1"},
		{scenarios.Online, "create=1 online!timeout=1"},
		{scenarios.Stats, "create=1 stats!timeout=1"},
		{scenarios.Renew, "create=1 renew!timeout=1"},
		{scenarios.Connect, "create=1 connect!timeout=1"},
		{scenarios.Reconnect, "create=1 connect=1 reconnect!timeout=1"},
		{scenarios.Locate, "create=1"}, // it is not measured
	} {
		for _, within := range []time.Duration{0, 90 * time.Millisecond, 110 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s within %v", tt.kind, within), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := newFakeServer()
					server.delay = 100 * time.Millisecond
					var steps []scenarios.Step
					if tt.kind != scenarios.Create {
						steps = append(steps, step(scenarios.Create))
					}
					if tt.kind == scenarios.Reconnect {
						steps = append(steps, step(scenarios.Connect))
					}
					s := perform(t, t.Context(), server, nil, script("limited", append(steps, scenarios.Step{Kind: tt.kind, Within: within})...))
					if within == 0 || within > server.delay {
						s.wantFates(t, Completed)
						return
					}
					s.wantFates(t, Failed)
					if got := s.counts(); got != tt.counts {
						t.Errorf("measured %q, want %q", got, tt.counts)
					}
					if stories := strings.Join(s.world.FirstFailures(), "\n"); !strings.Contains(stories, "first timeout of") {
						t.Errorf("stories %q", stories)
					}
				})
			})
		}
	}
}
