package presence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/matcher"
	"guestload/server/store/redis/sessions"
	"guestload/server/store/redistest"
)

// doomedURL and doomedName, in the environment, make this program an instance
// that matches guests of its own until it is killed.
const (
	doomedURL  = "GUESTLOAD_TEST_DOOMED_URL"
	doomedName = "GUESTLOAD_TEST_DOOMED_NAME"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(doomedURL); url != "" {
		if err := beDoomed(url, os.Getenv(doomedName)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// crowdOf has guests of an instance come and search, many at once, until ctx ends
// or something fails; searched is told of each search that was answered.
func crowdOf(ctx context.Context, i *instance, searched func(id string)) error {
	var all sync.WaitGroup
	failed := make(chan error, 8)
	for range cap(failed) {
		all.Go(func() {
			for ctx.Err() == nil {
				sessionID := uuid.NewString()
				whole := context.WithoutCancel(ctx)
				_, _, err := i.presence.Join(whole, sessionID)
				if err == nil {
					_, err = i.matcher.Search(whole, i.searcher(guest.IDPrefix+sessionID))
				}
				if err != nil {
					failed <- err
					return
				}
				searched(guest.IDPrefix + sessionID)
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func beDoomed(url, name string) error {
	conn, err := redis.New(url)
	if err != nil {
		return err
	}
	if err := conn.Connect(context.Background()); err != nil {
		return err
	}
	i := &instance{name: name, redis: conn, sessions: sessions.New(conn, time.Now), matcher: matcher.New(conn)}
	i.presence = New(conn, name, i.sessions, i.matcher)
	if _, err := i.presence.Beat(context.Background()); err != nil {
		return err
	}
	return crowdOf(context.Background(), i, func(string) {})
}

// TestInstanceKilledAtAnyInstantLosesNobody kills an instance, as kill -9 does, in
// the middle of searches of its guests and of ours. Each of ours waits, or is in
// one pair with one of ours, or has been told that the partner is gone; and
// nothing of the dead is left.
func TestInstanceKilledAtAnyInstantLosesNobody(t *testing.T) {
	t.Parallel()
	const kills = 15
	s := redistest.Standalone(t)
	r := rig{redistest.Only(s)}
	alive := r.start(t)
	searches, released := 0, 0
	for kill := range kills {
		name := fmt.Sprintf("doomed-%d", kill)
		doomed := exec.Command(os.Args[0])
		doomed.Env = append(os.Environ(), doomedURL+"="+r.URL, doomedName+"="+name)
		doomed.Stderr = t.Output()
		doomed.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		redistest.Must(t, doomed.Start())
		stale := func() int64 {
			n, _ := s.Do("ZCARD", alive.keys().Members(name))
			count, _ := n.(int64)
			return count
		}
		redistest.Eventually(t, 15*time.Second, "the doomed has guests", func() bool { return stale() > 50 })

		var mu sync.Mutex
		ours := make(map[string]bool)
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond+rand.N(100*time.Millisecond))
		var crowd sync.WaitGroup
		crowd.Go(func() {
			if err := crowdOf(ctx, alive, func(id string) { mu.Lock(); ours[id] = true; mu.Unlock() }); err != nil {
				t.Error(err)
			}
		})
		<-ctx.Done()
		redistest.Must(t, doomed.Process.Kill())
		_ = doomed.Wait() // ends by a signal, as it should
		crowd.Wait()
		stop()

		told := make(map[string]bool)
		events := Events{
			Lost:   func() { t.Error("the living lost its lease") },
			Failed: func(err error) { t.Errorf("cleaning up: %v", err) },
			Released: func(_ context.Context, dead string, pairs []guest.Pair) error {
				for _, p := range pairs {
					for _, them := range []guest.Searcher{p.A, p.B} {
						told[them.ID] = told[them.ID] || them.Instance != dead
					}
				}
				return nil
			},
		}
		r.Do(t, "ZADD", alive.keys().Instances, "1", name)
		now := time.Now()
		alive.presence.heartbeat(t.Context(), now, events)
		alive.presence.heartbeat(t.Context(), now.Add(reapGrace), events)
		searches += len(ours)
		for id := range told {
			if ours[id] && told[id] {
				released++
			}
		}
		checkNobodyIsLost(t, r, ours, told)
		if n := stale(); n != 0 {
			t.Errorf("%d ghosts are left of %s", n, name)
		}
		if got := r.counter(t); got != fmt.Sprint(len(ours)) {
			t.Errorf("active_user_count = %s, want %d", got, len(ours))
		}
		for id := range ours {
			if _, err := alive.matcher.Leave(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			redistest.Must(t, alive.presence.Leave(t.Context(), id[len(guest.IDPrefix):]))
		}
		for _, key := range []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs} {
			if n := r.Do(t, "EXISTS", key); n != int64(0) {
				t.Errorf("%s is not empty after all have left", key)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d searches of ours, %d kills, %d partners told", searches, kills, released)
	if released == 0 {
		t.Error("nobody of ours had met one of the doomed: the test sees nothing")
	}
}

// checkNobodyIsLost looks at every guest of ours in what the matcher keeps.
func checkNobodyIsLost(t *testing.T, r rig, ours, told map[string]bool) {
	t.Helper()
	hash := func(key string) map[string]string {
		flat, _ := r.Do(t, "HGETALL", key).([]any)
		all := make(map[string]string, len(flat)/2)
		for i := 0; i+1 < len(flat); i += 2 {
			all[flat[i].(string)] = flat[i+1].(string)
		}
		return all
	}
	waiting, pairs := hash(redis.MatchWaiting), hash(redis.MatchPairs)
	for id := range waiting {
		if !ours[id] {
			t.Errorf("%s waits, who is dead", id)
		}
	}
	for id, text := range pairs {
		partner, record, _ := strings.Cut(text, " ") // the pair stands with one of the two
		back, itsRecord, _ := strings.Cut(pairs[partner], " ")
		if !ours[id] || !ours[partner] || back != id || (record == "") == (itsRecord == "") {
			t.Errorf("%s is in a pair with %s, which is not whole", id, partner)
		}
	}
	for id := range ours {
		_, waits := waiting[id]
		_, paired := pairs[id]
		if waits && paired || !waits && !paired && !told[id] {
			t.Errorf("%s is lost: waits %v, paired %v, told %v", id, waits, paired, told[id])
		}
	}
}
