package realtime

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// ended reports whether the visitor was told that the session has ended.
func (v *visitor) ended() bool {
	return strings.Contains(strings.Join(v.heard(api.EventError), "\n"), textSessionEnded)
}

// TestDeleteElsewhereClosesTheSocketAtOnce deletes guests on one instance whose
// socket another has just accepted: the document does not name the socket yet.
func TestDeleteElsewhereClosesTheSocketAtOnce(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	partner := here.visit("Partner")
	partner.do(api.EventMatch, "")
	for n := range 30 {
		v := here.visit(fmt.Sprintf("Guest_%d", n))
		if n == 0 {
			v.do(api.EventMatch, "")
			partner.expect(5*time.Second, api.EventMatched, 1)
		}
		if err := there.node.Delete(t.Context(), v.session.SessionID); err != nil {
			t.Fatal(err)
		}
		soon(t, 5*time.Second, "the socket is closed", v.ended)
		v.client.Closed()
	}
	partner.expect(5*time.Second, api.EventRoomClosed, 1)
	soon(t, 5*time.Second, "the partner alone is online", func() bool {
		stats, err := there.node.Stats(t.Context())
		return err == nil && stats.ActiveUsers == 1 && stats.OnlineUsers == 1 && stats.TotalUsers == 1
	})
}

// TestDeleteInTheMiddleOfConnecting deletes guests while their socket is being
// accepted, on this instance or another: it is refused, or closed.
func TestDeleteInTheMiddleOfConnecting(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	refused, closed := 0, 0
	for n := range 200 {
		g, err := here.node.Create(t.Context(), guest.Profile{})
		if err != nil {
			t.Fatal(err)
		}
		g, err = here.node.Session(t.Context(), g.SessionID) // the token is good
		if err != nil {
			t.Fatal(err)
		}
		var race sync.WaitGroup
		race.Go(func() {
			if err := []*site{here, there}[n%2].node.Delete(t.Context(), g.SessionID); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(rand.N(600 * time.Microsecond)) // no wait for something: the race's other side
		v := &visitor{t: t, session: g, sock: newMemSocket()}
		v.client, err = here.node.Connect(t.Context(), g, api.JSON, v.sock)
		race.Wait()
		switch {
		case errors.Is(err, guest.ErrNotFound):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			closed++
			soon(t, 5*time.Second, "the socket is closed", v.ended)
			v.client.Closed()
		}
	}
	t.Logf("%d were refused, %d closed", refused, closed)
	if refused == 0 {
		t.Error("none was refused: the race was none")
	}
	soon(t, 5*time.Second, "nobody is online", func() bool {
		stats, err := here.node.Stats(t.Context())
		return err == nil && stats == guest.Stats{}
	})
}

// TestDeleteInAnOutageAtEitherInstance: the one that deletes, or the one that has the
// socket, is cut off from Redis meanwhile.
func TestDeleteInAnOutageAtEitherInstance(t *testing.T) {
	for _, cutOff := range []string{"the one with the socket", "the one that deletes"} {
		t.Run(cutOff, func(t *testing.T) {
			s := redistest.Standalone(t)
			tunnel := redistest.NewTunnel(t, s.Addr())
			urls := []string{"redis://" + tunnel.Addr(), s.URL()}
			if cutOff == "the one that deletes" {
				urls[0], urls[1] = urls[1], urls[0]
			}
			holds, deletes := newSite(t, urls[0]), newSite(t, urls[1])
			cut := holds
			if cutOff == "the one that deletes" {
				cut = deletes
			}
			v := holds.visit("Ann")
			tunnel.Cut()
			cut.await(failover.StateFallback)
			err := deletes.node.Delete(t.Context(), v.session.SessionID)
			if errors.Is(err, guest.ErrUnavailable) { // known by its token alone
				if err = deletes.failover.Sessions.Adopt(t.Context(), v.session); err == nil {
					err = deletes.node.Delete(t.Context(), v.session.SessionID)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if cutOff == "the one with the socket" { // which writes what it will want to write back
				if _, err := holds.node.Update(t.Context(), v.session.SessionID, guest.Patch{Fields: guest.FieldUsername, To: guest.Session{Username: "Unaware"}}); err != nil {
					t.Fatal(err)
				}
			}
			tunnel.Mend()
			cut.await(failover.StateRedis)
			soon(t, 5*time.Second, "the socket is closed", v.ended)
			v.client.Closed()
			for _, at := range []*site{holds, deletes} {
				soon(t, 10*time.Second, "the session is gone", func() bool {
					_, err := at.node.Session(t.Context(), v.session.SessionID)
					return errors.Is(err, guest.ErrNotFound)
				})
			}
			soon(t, 5*time.Second, "nothing is left", func() bool {
				stats, err := deletes.node.Stats(t.Context())
				n, redisErr := s.Do("EXISTS", "guest:"+v.session.SessionID)
				return err == nil && stats == guest.Stats{} && redisErr == nil && n == int64(0)
			})
		})
	}
}
