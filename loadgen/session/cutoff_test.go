package session

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/scenarios"
)

// kill breaks every connection of the server as the run's own kill of an instance
// does.
func (t *fakeServer) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.members {
		if m.wire != nil {
			m.wire.end(ErrInstanceGone)
		}
	}
}

func TestGuestsOfAKilledInstanceComeBackOrStayAway(t *testing.T) {
	idle := scenarios.Step{Kind: scenarios.Idle, For: constant(60)}
	for name, tt := range map[string]struct {
		steps  []scenarios.Step
		lost   scenarios.Lost
		counts string
		want   CutOffs
	}{
		"idle":      {[]scenarios.Step{idle}, scenarios.LostReconnect, "create=2 connect=2 reconnect=2", CutOffs{2, 2}},
		"chatting":  {[]scenarios.Step{searchFor(5 * time.Second), chatOf(1, 60)}, scenarios.LostReconnect, "create=2 connect=2 match=2 reconnect=2", CutOffs{2, 2}},
		"searching": {[]scenarios.Step{searchFor(5 * time.Second), idle, searchFor(5 * time.Second)}, scenarios.LostReconnect, "create=2 connect=2 match=4 leave=1 reconnect=2", CutOffs{2, 2}},
		"away":      {[]scenarios.Step{searchFor(5 * time.Second), chatOf(1, 60)}, scenarios.LostLeave, "create=2 connect=2 match=2", CutOffs{2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				time.AfterFunc(1500*time.Millisecond, server.kill)
				server.vanish = 0
				s := script("guest", append([]scenarios.Step{step(scenarios.Create), step(scenarios.Connect)}, tt.steps...)...)
				s.Lost = tt.lost
				stage := perform(t, t.Context(), server, nil, s, s)
				stage.wantFates(t, Completed, Completed)
				stage.wantCounts(t, tt.counts)
				if got := stage.world.CutOffs(); got != tt.want {
					t.Errorf("cut off %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

// Without an instance to go to, the loss is a failure like any other.
func TestWhoFindsNoInstanceHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newFakeServer()
		time.AfterFunc(1500*time.Millisecond, func() {
			server.kill()
			server.mu.Lock()
			clear(server.members)
			server.mu.Unlock()
		})
		s := script("guest", step(scenarios.Create), step(scenarios.Connect), scenarios.Step{Kind: scenarios.Idle, For: constant(60)})
		stage := perform(t, t.Context(), server, nil, s)
		stage.wantFates(t, Failed)
		stage.wantCounts(t, "create=1 connect=1 reconnect!refused=1")
	})
}
