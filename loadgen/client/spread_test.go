package client

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// instance counts what reaches one of several instances.
type instance struct{ calls, dials atomic.Int32 }

func spreadOver(t *testing.T, n int) (*Spread, []*instance) {
	t.Helper()
	s, all := &Spread{}, make([]*instance, n)
	for i := range all {
		at := &instance{}
		all[i] = at
		target := listen(t, func(ctx *fasthttp.RequestCtx) {
			at.calls.Add(1)
			ctx.SetBodyString(`{"success":true,"data":{}}`)
		}, func(p *peer) {
			at.dials.Add(1)
			p.emit("counted", map[string]any{})
		})
		s.Clients = append(s.Clients, newClient(t, target, api.JSON))
	}
	return s, all
}

// live is what each guest does: a request, then a connection.
func (s *Spread) live(t *testing.T) error {
	t.Helper()
	nothing := func(api.Value) error { return nil }
	if err := s.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nothing); err != nil {
		return err
	}
	conn, err := s.Dial(t.Context(), session.Handshake{Token: "good"}, nothing)
	if err != nil {
		return err
	}
	defer conn.Close(session.Abrupt)
	_, err = conn.Next(soon()) // it is counted then
	return err
}

func TestGuestsWhoCallAndDialInTurnReachAllInstancesAlike(t *testing.T) {
	for _, n := range []int{1, 2, 3, 6} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s, all := spreadOver(t, n)
			const each = 4
			for range n * each {
				if err := s.live(t); err != nil {
					t.Fatal(err)
				}
			}
			for i, at := range all {
				if calls, dials := at.calls.Load(), at.dials.Load(); calls != each || dials != each {
					t.Errorf("instance %d had %d requests and %d connections, want %d of each", i, calls, dials, each)
				}
			}
		})
	}
}

func TestAKilledInstanceIsPassedOver(t *testing.T) {
	s, all := spreadOver(t, 3)
	s.Clients[1].Abandon()
	for range 6 {
		if err := s.live(t); err != nil {
			t.Fatal(err)
		}
	}
	if n := all[1].calls.Load() + all[1].dials.Load(); n != 0 {
		t.Errorf("the killed instance was asked %d times", n)
	}
	s.Clients[0].Abandon()
	s.Clients[2].Abandon()
	if err := s.live(t); !errors.Is(err, session.ErrInstanceGone) {
		t.Errorf("with all killed: %v, want %v", err, session.ErrInstanceGone)
	}
}
