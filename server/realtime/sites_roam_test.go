package realtime

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// TestGuestsWhoRoamHearNothingAgainstTheRules has guests of three instances search,
// talk, leave, move, drop and come back at random, and then goes through all that
// each has heard; see roam_rules_test.go.
func TestGuestsWhoRoamHearNothingAgainstTheRules(t *testing.T) {
	for range 3 {
		if testStorm(t, nil) {
			return
		}
		t.Log("this machine was so slow that an instance took Redis for away: once more")
	}
	t.Error("Redis was away each time")
}

// TestGuestsWhoRoamThroughFaultsAreNotLost is the same while Redis hangs,
// subscriptions are lost and an instance dies. What one instance tells another may be
// lost then, and no more.
func TestGuestsWhoRoamThroughFaultsAreNotLost(t *testing.T) {
	testStorm(t, func(st *storm, r *rand.Rand) {
		st.calm(200 * time.Millisecond)
		if _, err := st.redis.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
			t.Error(err)
		}
		st.calm(500 * time.Millisecond)
		if err := st.redis.Freeze(); err != nil {
			t.Error(err)
		}
		st.calm(700*time.Millisecond + time.Duration(r.IntN(1500))*time.Millisecond)
		if err := st.redis.Thaw(); err != nil {
			t.Error(err)
		}
		st.calm(700 * time.Millisecond)
		dead := st.sites[r.IntN(len(st.sites))]
		st.living.Lock() // a process that is killed is at nothing any more
		st.dead.Store(dead)
		dead.die()
		st.living.Unlock()
		st.calm(time.Second)
	})
}

// storm is three instances and their guests.
type storm struct {
	t      *testing.T
	redis  *redisproc.Server
	sites  []*site
	dead   atomic.Pointer[site]
	living sync.RWMutex // held for a step of a guest
	over   atomic.Bool

	faults bool
}

const (
	stormGuests = 30
	stormLook   = 20 * time.Millisecond // between looks at all that they have heard
)

// testStorm reports false where there has been an outage although none was wanted, so
// that nothing can be said: other rules hold then.
func testStorm(t *testing.T, faults func(*storm, *rand.Rand)) bool {
	seed := *stormSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-storm.seed=%d", seed)
	st := &storm{t: t, redis: redistest.Standalone(t), faults: faults != nil}
	for range 3 {
		st.sites = append(st.sites, newSite(t, st.redis.URL()))
	}
	roamers := make([]*roamer, stormGuests)
	for i := range roamers {
		roamers[i] = st.roamer(fmt.Sprintf("Guest_%d", i), rand.New(rand.NewPCG(seed, uint64(i))))
	}
	var all sync.WaitGroup
	for _, r := range roamers {
		all.Go(func() {
			for n := 0; n < *stormSteps && !t.Failed() || faults != nil && !st.over.Load(); n++ {
				st.living.RLock()
				r.step()
				st.living.RUnlock()
			}
		})
	}
	if faults != nil {
		faults(st, rand.New(rand.NewPCG(seed, stormGuests)))
	}
	st.over.Store(true)
	all.Wait()
	if t.Failed() {
		return true
	}
	for _, r := range roamers {
		r.settle()
	}
	var lives []*life
	var why string
	soonOr(10*time.Second, stormLook, func() bool {
		lives, why = judge(roamers, faults != nil)
		return why == ""
	})
	if faults == nil && st.disturbed() {
		return false
	}
	for _, l := range lives {
		for _, wrong := range l.wrong {
			t.Error(wrong)
		}
	}
	if why != "" {
		t.Errorf("not at rest: %s", why)
	}
	if t.Failed() {
		for _, l := range lives {
			if len(l.wrong) > 0 || strings.Contains(why, l.name) {
				t.Logf("%s (%s):\n%s", l.name, l.id, strings.Join(l.tale, "\n"))
			}
		}
	}
	for _, r := range roamers {
		r.goHome()
	}
	at := st.alive()[0]
	var stats guest.Stats
	var rooms []int64
	soonOr(20*time.Second, stormLook, func() bool {
		stats, _ = at.node.Stats(t.Context())
		rooms = rooms[:0]
		var open int64
		for _, s := range st.alive() {
			n := s.node.Counts()
			rooms, open = append(rooms, n.Rooms), open+n.Rooms+n.Searching+n.Guests
		}
		return open == 0 && stats.OnlineUsers == 0 && stats.ActiveUsers == 0 && stats.AvailableUsers == 0 && stats.ConnectedUsers == 0
	})
	if stats.OnlineUsers != 0 || stats.ActiveUsers != 0 || stats.AvailableUsers != 0 || stats.ConnectedUsers != 0 {
		t.Errorf("when all have gone: %+v", stats)
	}
	for _, n := range rooms {
		if n != 0 {
			t.Errorf("when all have gone, there are so many chats on each: %v", rooms)
			break
		}
	}
	return true
}

// disturbed reports whether an instance has been without Redis.
func (st *storm) disturbed() bool {
	for _, s := range st.sites {
		for len(s.changes) > 0 {
			if <-s.changes == failover.StateFallback {
				return true
			}
		}
	}
	return false
}

func (st *storm) calm(d time.Duration) { <-time.After(d) }

func (st *storm) alive() (alive []*site) {
	for _, s := range st.sites {
		if s != st.dead.Load() {
			alive = append(alive, s)
		}
	}
	return alive
}

// roamer is a guest who goes from instance to instance. Its sockets are in the
// order of their coming; all but the last belong to the past.
type roamer struct {
	st      *storm
	name    string
	rng     *rand.Rand
	session guest.Session
	at      *site
	came    []coming
}

// coming is one socket of a roamer.
type coming struct {
	*visitor
	how    arrival
	at     *site
	closed bool
}

type arrival byte

const (
	anew    arrival = iota // there was no socket before, or it had been closed
	over                   // the socket before was open
	doubted                // the socket before was closed at the same moment, or its instance had died
)

func (st *storm) roamer(name string, rng *rand.Rand) *roamer {
	r := &roamer{st: st, name: name, rng: rng, at: st.sites[rng.IntN(len(st.sites))]}
	g, err := r.at.node.Create(st.t.Context(), guest.Profile{Username: name})
	if err != nil {
		st.t.Fatal(err)
	}
	r.session = g
	r.enter(anew)
	return r
}

func (r *roamer) now() *coming { return &r.came[len(r.came)-1] }

// enter opens a socket at r.at.
func (r *roamer) enter(how arrival) {
	ctx := context.Background()
	for try := 0; ; try++ {
		g, err := r.at.node.Session(ctx, r.session.SessionID)
		if errors.Is(err, guest.ErrUnavailable) {
			if err = r.at.failover.Sessions.Adopt(context.Background(), r.session); err == nil {
				g, err = r.at.node.Session(ctx, r.session.SessionID)
			}
		}
		v := &visitor{t: r.st.t, session: g, sock: newMemSocket()}
		if err == nil {
			v.client, err = r.at.node.Connect(ctx, g, api.JSON, v.sock)
		}
		if err == nil {
			r.came = append(r.came, coming{visitor: v, how: how, at: r.at})
			return
		}
		if try == 20 {
			r.st.t.Errorf("%s cannot connect: %v", r.name, err)
			return
		}
		r.pause(50)
	}
}

func (r *roamer) close(c *coming) {
	if !c.closed && c.at != r.st.dead.Load() {
		c.client.Closed()
	}
	c.closed = true
}

// elsewhere goes to another instance that lives.
func (r *roamer) elsewhere() {
	alive := r.st.alive()
	for was := r.at; r.at == was; {
		r.at = alive[r.rng.IntN(len(alive))]
	}
}

func (r *roamer) pause(most int) {
	<-time.After(time.Duration(r.rng.IntN(most*1000)) * time.Microsecond)
}

// step does one thing at random.
func (r *roamer) step() {
	for i := range r.came[:len(r.came)-1] { // the peer answers a close
		c := &r.came[i]
		if !c.closed && len(c.heard("close")) > 0 {
			r.close(c)
		}
	}
	if r.at == r.st.dead.Load() {
		r.elsewhere()
		r.enter(doubted)
		return
	}
	switch n := r.rng.IntN(100); {
	case r.st.faults && n >= 66 && n < 75: // both sides of an outage know their own
		r.pause(8)
	case n < 45:
		for range 1 + r.rng.IntN(4) {
			r.now().say("hello")
		}
	case n < 60:
		r.now().do(api.EventMatch, "")
	case n < 64:
		r.now().do(api.EventLeaveRoom, "")
	case n < 66:
		r.now().do(api.EventMatchCancel, "")
	case n < 72:
		r.elsewhere()
		r.enter(over)
		if r.rng.IntN(4) == 0 { // at once on, or back
			r.elsewhere()
			r.enter(over)
		}
	case n < 75: // the socket before closes at the same moment
		old := len(r.came) - 1
		was := r.came[old]
		r.elsewhere()
		var closing sync.WaitGroup
		closing.Go(func() { r.close(&was) })
		r.enter(doubted)
		closing.Wait()
		r.came[old].closed = true
		if r.rng.IntN(2) == 0 {
			r.now().do(api.EventMatch, "")
		}
	case n < 78:
		r.alone()
		r.close(r.now())
		if r.rng.IntN(2) == 0 {
			r.elsewhere()
		}
		r.enter(anew)
		if r.rng.IntN(2) == 0 {
			r.now().do(api.EventMatch, "")
		}
	default:
		r.pause(8)
	}
}

// alone waits until the sockets of the past are closed: a chat that is on its way
// to the last one is not to come after that has been closed.
func (r *roamer) alone() {
	soonOr(time.Second, stormLook, func() bool {
		for i := range r.came[:len(r.came)-1] {
			c := &r.came[i]
			if !c.closed && c.at != r.st.dead.Load() && len(c.heard("close")) == 0 {
				return false
			}
		}
		return true
	})
}

// settle leaves a roamer with one socket on an instance that lives.
func (r *roamer) settle() {
	if r.at == r.st.dead.Load() {
		r.elsewhere()
		r.enter(doubted)
	}
}

// goHome closes all sockets.
func (r *roamer) goHome() {
	for i := range r.came {
		r.close(&r.came[i])
	}
}

// A seed makes a run do what another did, as far as the scheduler lets it.
var (
	stormSeed  = flag.Uint64("storm.seed", 0, "the seed of the guests who roam, 0 for a new one")
	stormSteps = flag.Int("storm.steps", 120, "how much each of the guests who roam does")
)
