package sessions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redistest"
)

func testSessionLife(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	g := redistest.NewGuest()
	if _, err := i.sessions.Get(ctx, g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Fatalf("Get before Create = %v, want ErrNotFound", err)
	}
	if err := i.sessions.Create(ctx, g); err != nil {
		t.Fatal(err)
	}
	if err := i.sessions.Create(ctx, g); !errors.Is(err, guest.ErrExists) {
		t.Errorf("second Create = %v, want ErrExists", err)
	}
	if got, err := i.sessions.Get(ctx, g.SessionID); err != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("Get = %+v, %v, want %+v", got, err, g)
	}
	r.Do(t, "EXPIRE", "guest:"+g.SessionID, "100")
	seen := g.LastSeen.Add(time.Minute)
	got, err := i.sessions.Patch(ctx, g.SessionID, guest.Patch{
		Fields: guest.FieldLastSeen | guest.FieldConnectedUser | guest.FieldDeviceID,
		To:     guest.Session{LastSeen: seen, ConnectedUser: "guest_x", DeviceID: `d"1`},
	})
	g.LastSeen, g.ConnectedUser, g.DeviceID = seen, "guest_x", `d"1`
	if err != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("Patch = %+v, %v, want %+v", got, err, g)
	}
	if ttl := r.Do(t, "TTL", "guest:"+g.SessionID).(int64); ttl < 7190 || ttl > 7200 {
		t.Errorf("TTL after a patch = %d, want 7200", ttl)
	}
	if got, err := i.sessions.Get(ctx, g.SessionID); err != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("Get after Patch = %+v, %v, want %+v", got, err, g)
	}
	if err := i.sessions.Delete(ctx, g.SessionID); err != nil {
		t.Error(err)
	}
	if _, err := i.sessions.Get(ctx, g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Get after Delete = %v, want ErrNotFound", err)
	}
	if err := i.sessions.Delete(ctx, g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("second Delete = %v, want ErrNotFound", err)
	}
	if _, err := i.sessions.Patch(ctx, g.SessionID, guest.Patch{}); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Patch after Delete = %v, want ErrNotFound", err)
	}
	misses := i.redis.CacheStats().Misses.Load()
	if _, err := i.sessions.Get(ctx, "../"+g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Get of no session id = %v, want ErrNotFound", err)
	}
	if i.redis.CacheStats().Misses.Load() != misses {
		t.Error("Redis was asked for what is no session id")
	}
}

// testPatchBytes compares the script with what it must leave alone.
func testPatchBytes(t *testing.T, r rig) {
	i := r.start(t)
	id := uuid.NewString()
	const rest = `"username":"Ann","lastSeen":"2024-01-01T00:00:00.000Z","createdAt":"2024-01-01T00:00:00.000Z"`
	tests := []struct{ name, before, after string }{
		{"unknown members", `{"sessionId":"ID",` + rest + `,"x":[],"y":{"z":12345678901234567},"inChat":false,"u":"http:\/\/é\u00e9"}`,
			`{"sessionId":"ID",` + rest + `,"x":[],"y":{"z":12345678901234567},"inChat":true,"u":"http:\/\/é\u00e9"}`},
		{"white space", "\n{ \"sessionId\" : \"ID\" ,\t" + rest + " , \"inChat\" : null }\r\n",
			"\n{ \"sessionId\" : \"ID\" ,\t" + rest + " , \"inChat\" : true }\r\n"},
		{"a member that is missing", `{"sessionId":"ID",` + rest + `}`, `{"sessionId":"ID",` + rest + `,"inChat":true}`},
		{"names within values", `{"sessionId":"ID","a":{"inChat":1,"b":[{"inChat":2}]},"c":"\",\"inChat\":3",` + rest + `,"inChat":false}`,
			`{"sessionId":"ID","a":{"inChat":1,"b":[{"inChat":2}]},"c":"\",\"inChat\":3",` + rest + `,"inChat":true}`},
		{"brackets within strings", `{"sessionId":"ID","a":["}","\\","]\"{"],` + rest + `,"inChat":false}`,
			`{"sessionId":"ID","a":["}","\\","]\"{"],` + rest + `,"inChat":true}`},
		{"escaped names", `{"sessionId":"ID","in\u0043luded":1,"\"":2,` + rest + `,"inChat":false}`,
			`{"sessionId":"ID","in\u0043luded":1,"\"":2,` + rest + `,"inChat":true}`},
	}
	for _, tt := range tests {
		before := strings.ReplaceAll(tt.before, "ID", id)
		r.Do(t, "SET", "guest:"+id, before)
		got, err := i.sessions.Patch(t.Context(), id, guest.Patch{Fields: guest.FieldInChat, To: guest.Session{InChat: true}})
		if err != nil || !got.InChat {
			t.Errorf("%s: Patch = %+v, %v", tt.name, got, err)
		}
		if after := r.Do(t, "GET", "guest:"+id); after != strings.ReplaceAll(tt.after, "ID", id) {
			t.Errorf("%s:\n%s became\n%s", tt.name, before, after)
		}
	}
}

func testForeignChange(t *testing.T, r rig) {
	i := r.start(t)
	g := i.create(t)
	for n := range 50 {
		if _, err := i.sessions.Get(t.Context(), g.SessionID); err != nil {
			t.Fatal(err)
		}
		g.Username = fmt.Sprintf("Name%d", n)
		r.Do(t, "SET", "guest:"+g.SessionID, string(g.AppendJSON(nil)), "EX", "7200")
		// Redis tells us on another connection than it answers the other client.
		redistest.Eventually(t, time.Second, "the change", func() bool {
			got, err := i.sessions.Get(t.Context(), g.SessionID)
			return err == nil && got.Username == g.Username
		})
	}
	before := i.redis.CacheStats()
	hits, misses := before.Hits.Load(), before.Misses.Load()
	for range 100 {
		if _, err := i.sessions.Get(t.Context(), g.SessionID); err != nil {
			t.Fatal(err)
		}
	}
	if h, m := before.Hits.Load()-hits, before.Misses.Load()-misses; h != 100 || m != 0 {
		t.Errorf("100 reads of an unchanged session: %d hits, %d misses", h, m)
	}
	if before.Invalidations.Load() < 50 {
		t.Errorf("%d invalidations, want at least 50", before.Invalidations.Load())
	}
	r.Do(t, "DEL", "guest:"+g.SessionID)
	redistest.Eventually(t, time.Second, "the deletion", func() bool {
		_, err := i.sessions.Get(t.Context(), g.SessionID)
		return errors.Is(err, guest.ErrNotFound)
	})
}

// testConcurrentPatches has 16 writers change fields of one document, each its
// own unknown one too, 100 times. An answer that came too late is no answer: such a
// patch is done again, as callers do, and what was acknowledged is kept all the same.
func testConcurrentPatches(t *testing.T, r rig) {
	instances := []*instance{r.start(t), r.start(t)}
	g := instances[0].create(t)
	for _, i := range instances { // both know the document, and are wrong about it in turn
		if _, err := i.sessions.Patch(t.Context(), g.SessionID, guest.Patch{Fields: guest.FieldIsOnline, To: guest.Session{IsOnline: true}}); err != nil {
			t.Fatal(err)
		}
	}
	longest := slowest(t, r)
	var late atomic.Int64
	fields := []guest.Patch{
		{Fields: guest.FieldUsername}, {Fields: guest.FieldGender}, {Fields: guest.FieldLanguage}, {Fields: guest.FieldSocketID},
		{Fields: guest.FieldConnectedUser}, {Fields: guest.FieldDeviceID}, {Fields: guest.FieldIP}, {Fields: guest.FieldLocation},
	}
	var wg sync.WaitGroup
	for w := range 16 {
		i, p := instances[w%2], fields[w%8]
		wg.Go(func() {
			for n := range 100 {
				text := fmt.Sprintf("v%d", n)
				p.To = guest.Session{
					Username: text, Gender: text, Language: text, SocketID: text, ConnectedUser: text,
					DeviceID: text, IP: text, Location: guest.Location(`{"city":"` + text + `"}`),
				}
				got, err := i.sessions.Patch(t.Context(), g.SessionID, p)
				for try := 0; errors.Is(err, guest.ErrUnavailable) && try < 4; try++ {
					late.Add(1)
					got, err = i.sessions.Patch(t.Context(), g.SessionID, p)
				}
				if err != nil {
					t.Error(err)
					return
				}
				want := got
				p.Apply(&want)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("patch %d of writer %d was lost: %+v", n, w, got)
				}
			}
		})
	}
	wg.Wait()
	if n, wait := late.Load(), longest(); n > 0 && wait < busy {
		t.Errorf("%d patches were not answered in time, though the machine had time: Redis answered a PING every %v or sooner", n, wait)
	} else if n > 0 {
		t.Logf("%d patches were not answered in time, nor a PING for %v", n, wait)
	}
	got, err := instances[0].sessions.Get(t.Context(), g.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	const last = "v99"
	if got.Username != last || got.Gender != last || got.Language != last || got.SocketID != last ||
		got.ConnectedUser != last || got.DeviceID != last || got.IP != last || !bytes.Contains(got.Location, []byte(last)) {
		t.Errorf("after all: %+v", got)
	}
}

// busy is for how long no PING is answered on a machine that has no time for us or
// for Redis; on one that has it is a pulse and little more.
const busy = 50 * time.Millisecond

// slowest asks Redis at each pulse, over a connection of its own, until longest is
// called, which tells what the longest time between two answers was.
func slowest(t *testing.T, r rig) (longest func() time.Duration) {
	t.Helper()
	conn, err := r.Nodes[0].Dial()
	redistest.Must(t, err)
	tick := time.NewTicker(10 * time.Millisecond)
	ended, gaps := make(chan struct{}), make(chan time.Duration)
	go func() {
		defer conn.Close()
		defer tick.Stop()
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-tick.C:
			case <-ended:
				gaps <- max(most, time.Since(last))
				return
			}
			if _, err := conn.Do("PING"); err != nil {
				t.Error(err)
			}
			now := time.Now()
			most, last = max(most, now.Sub(last)), now
		}
	}()
	return func() time.Duration { close(ended); return <-gaps }
}

// testOwnReads reads right after each write while another keeps the copies warm.
func testOwnReads(t *testing.T, r rig) {
	i := r.start(t)
	const writers, writes = 8, 250
	guests := make([]guest.Session, writers)
	for w := range guests {
		guests[w] = i.create(t)
	}
	var wg sync.WaitGroup
	for w, g := range guests {
		wg.Go(func() {
			for n := range writes {
				name := fmt.Sprintf("w%dn%d", w, n)
				p := guest.Patch{Fields: guest.FieldUsername, To: guest.Session{Username: name}}
				if _, err := i.sessions.Patch(t.Context(), g.SessionID, p); err != nil {
					t.Error(err)
					return
				}
				got, err := i.sessions.Get(t.Context(), g.SessionID)
				if err != nil || got.Username != name {
					t.Errorf("read %q, %v after writing %q", got.Username, err, name)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	warm := make(chan struct{})
	go func() {
		defer close(warm)
		for n := 0; ctx.Err() == nil; n++ {
			_, _ = i.sessions.Get(ctx, guests[n%writers].SessionID) // only to fill the cache
			runtime.Gosched()
		}
	}()
	wg.Wait()
	cancel()
	<-warm
}

func testRestore(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	now := time.Now()
	older, newer, absent, lapsed, broken := i.create(t), i.create(t), redistest.NewGuest(), redistest.NewGuest(), redistest.NewGuest()
	r.Do(t, "SET", "guest:"+broken.SessionID, "{")
	doc := string(older.AppendJSON(nil))
	r.Do(t, "SET", "guest:"+older.SessionID, strings.TrimSuffix(doc, "}")+`,"theirs":[]}`)
	older.LastSeen, older.Username = older.LastSeen.Add(time.Second), "Later"
	stored := newer
	newer.LastSeen, newer.Username = newer.LastSeen.Add(-time.Second), "Earlier"
	batch := []Kept{
		{Session: older, Expires: now.Add(time.Hour)}, {Session: newer, Expires: now.Add(time.Hour)}, {Session: absent, Expires: now.Add(time.Hour)},
		{Session: lapsed, Expires: now.Add(-time.Second)}, {Session: broken, Expires: now.Add(time.Hour)},
	}
	for range 2 { // again, as after an outage in the middle
		for n, err := range i.sessions.Restore(ctx, batch) {
			if n == 4 && !errors.Is(err, guest.ErrCorrupt) || n != 4 && err != nil {
				t.Errorf("restoring %d: %v", n, err)
			}
		}
	}
	for _, want := range []guest.Session{older, stored, absent} {
		if got, err := i.sessions.Get(ctx, want.SessionID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Get = %+v, %v, want %+v", got, err, want)
		}
	}
	if raw := r.Do(t, "GET", "guest:"+older.SessionID).(string); !strings.Contains(raw, `"theirs":[]`) || !json.Valid([]byte(raw)) {
		t.Errorf("unknown members were lost: %s", raw)
	}
	if ttl := r.Do(t, "TTL", "guest:"+absent.SessionID).(int64); ttl < 3590 || ttl > 3600 {
		t.Errorf("TTL = %d, want the hour that was left", ttl)
	}
	if _, err := i.sessions.Get(ctx, lapsed.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("a lapsed session was restored: %v", err)
	}
}
