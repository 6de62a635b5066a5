package realtimetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/server/guest"
)

// full has a value in every field.
func full(s guest.Session) guest.Session {
	at := s.CreatedAt.Add(time.Minute)
	s.IsOnline, s.SocketID, s.ConnectedAt, s.LastSeen = true, "socket \"1\"", at, at
	s.IsSearching, s.InChat, s.ConnectedUser = true, true, "guest_partner"
	s.Username, s.Gender, s.Language = "Ann_2", "ü/\\\"", "日本語"
	s.Location = guest.Location(`{"country":"DE","tags":[],"big":12345678901234567890,"e":1e400,"s":"\/\u0041"}`)
	s.DeviceID, s.IP = "device 1", "2001:db8::1"
	return s
}

func sessionIsReadAsCreated(t *testing.T, h Harness) {
	for _, s := range []guest.Session{newSession(), full(newSession())} {
		if err := h.first().Sessions.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for _, i := range h.Instances {
			got, err := i.Sessions.Get(t.Context(), s.SessionID)
			if err != nil || !reflect.DeepEqual(got, s) {
				t.Errorf("%s:\n got %+v, %v\nwant %+v", i.Name, got, err, s)
			}
		}
	}
}

func sessionIDsAreUnique(t *testing.T, h Harness) {
	s := h.first().create(t)
	again := s
	again.Username = "Impostor"
	if err := h.other().Sessions.Create(t.Context(), again); !errors.Is(err, guest.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	if got, err := h.first().Sessions.Get(t.Context(), s.SessionID); err != nil || got.Username != s.Username {
		t.Errorf("got %+v, %v", got, err)
	}
	// Of many who create the same at once, one does.
	contested := newSession()
	results := make(chan error, 16)
	for n := range cap(results) {
		i := h.Instances[n%len(h.Instances)]
		go func() { results <- i.Sessions.Create(t.Context(), contested) }()
	}
	created := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			created++
		case !errors.Is(err, guest.ErrExists):
			t.Error(err)
		}
	}
	if created != 1 {
		t.Errorf("created %d times", created)
	}
}

func missingSessions(t *testing.T, h Harness) {
	gone := h.first().create(t)
	if err := h.first().Sessions.Delete(t.Context(), gone.SessionID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		gone.SessionID, newSession().SessionID, "", "*", "{x}", strings.ToUpper(gone.SessionID), gone.ID, strings.Repeat("x", 10_000),
	} {
		notFound(t, h.first(), id)
		notFound(t, h.other(), id)
	}
}

// notFound fails unless every call says so.
func notFound(t *testing.T, i Instance, id string) {
	t.Helper()
	_, get := i.Sessions.Get(t.Context(), id)
	_, patch := i.Sessions.Patch(t.Context(), id, guest.Profile{}.Patch(time.Now()))
	remove := i.Sessions.Delete(t.Context(), id)
	for call, err := range map[string]error{"get": get, "patch": patch, "delete": remove} {
		if !errors.Is(err, guest.ErrNotFound) {
			t.Errorf("%s %s of %.40q: %v", i.Name, call, id, err)
		}
	}
}

func patchChangesNamedFields(t *testing.T, h Harness) {
	empty, filled := newSession(), full(newSession())
	for f := guest.FieldUsername; f <= guest.FieldIP; f <<= 1 {
		for name, c := range map[string]struct{ from, to guest.Session }{
			"set":   {newSession(), filled},
			"clear": {full(newSession()), empty},
		} {
			if err := h.first().Sessions.Create(t.Context(), c.from); err != nil {
				t.Fatal(err)
			}
			want, p := c.from, guest.Patch{Fields: f, To: c.to}
			p.Apply(&want)
			got, err := h.first().Sessions.Patch(t.Context(), c.from.SessionID, p)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s field %b:\n got %+v, %v\nwant %+v", name, f, got, err, want)
			}
			if got, err = h.first().Sessions.Get(t.Context(), c.from.SessionID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s field %b, read:\n got %+v, %v\nwant %+v", name, f, got, err, want)
			}
		}
	}
}

// patchesOfMany changes many sessions in one call: some have the same fields and
// some not, and those that are missing, or no sessions at all, are nobody's fault.
func patchesOfMany(t *testing.T, h Harness) {
	const guests = 100
	var changes []guest.Change
	want := make(map[string]guest.Session)
	for n := range guests {
		s := h.first().create(t)
		p := guest.Patch{Fields: guest.FieldGender | guest.FieldLastSeen, To: full(s)}
		p.To.Gender = fmt.Sprint(n)
		if n%10 == 7 {
			p.Fields = guest.FieldInChat
		}
		changes = append(changes, guest.Change{SessionID: s.SessionID, Patch: p})
		p.Apply(&s)
		want[s.SessionID] = s
		switch n % 25 {
		case 11:
			changes = append(changes, guest.Change{SessionID: newSession().SessionID, Patch: p})
		case 12:
			changes = append(changes, guest.Change{SessionID: "{x}", Patch: p})
		}
	}
	errs := h.first().Sessions.PatchAll(t.Context(), changes)
	if len(errs) != len(changes) {
		t.Fatalf("%d results for %d changes", len(errs), len(changes))
	}
	for n, c := range changes {
		id := c.SessionID
		if _, known := want[id]; !known {
			if !errors.Is(errs[n], guest.ErrNotFound) {
				t.Errorf("patch of %q, which is missing: %v", id, errs[n])
			}
			continue
		}
		for _, i := range h.Instances {
			got, err := i.Sessions.Get(t.Context(), id)
			if errs[n] != nil || err != nil || !reflect.DeepEqual(got, want[id]) {
				t.Errorf("%s, change %d: %v; read\n got %+v, %v\nwant %+v", i.Name, n, errs[n], got, err, want[id])
			}
		}
	}
	if errs := h.first().Sessions.PatchAll(t.Context(), nil); len(errs) != 0 {
		t.Errorf("no changes: %v", errs)
	}
}

// concurrentPatches has a writer for each of several fields, on all instances:
// what each wrote last is what is there, and what each gets back has its own.
func concurrentPatches(t *testing.T, h Harness) {
	s := h.first().create(t)
	const rounds = 100
	text := func(n int) string { return fmt.Sprintf("value_%d", n) }
	writers := []struct {
		patch func(n int) guest.Patch
		value func(s guest.Session) string
		want  func(n int) string
	}{
		{func(n int) guest.Patch {
			return guest.Patch{Fields: guest.FieldGender, To: guest.Session{Gender: text(n)}}
		},
			func(s guest.Session) string { return s.Gender }, text},
		{func(n int) guest.Patch {
			return guest.Patch{Fields: guest.FieldLanguage, To: guest.Session{Language: text(n)}}
		},
			func(s guest.Session) string { return s.Language }, text},
		{func(n int) guest.Patch {
			return guest.Patch{Fields: guest.FieldSocketID, To: guest.Session{SocketID: text(n)}}
		},
			func(s guest.Session) string { return s.SocketID }, text},
		{func(n int) guest.Patch {
			return guest.Patch{Fields: guest.FieldDeviceID, To: guest.Session{DeviceID: text(n)}}
		},
			func(s guest.Session) string { return s.DeviceID }, text},
		{func(n int) guest.Patch { return guest.Profile{}.Patch(s.CreatedAt.Add(time.Duration(n) * time.Second)) },
			func(s guest.Session) string { return guest.Timestamp(s.LastSeen) },
			func(n int) string { return guest.Timestamp(s.CreatedAt.Add(time.Duration(n) * time.Second)) }},
	}
	var wg sync.WaitGroup
	for w, writer := range writers {
		i := h.Instances[w%len(h.Instances)]
		wg.Go(func() {
			for n := range rounds {
				got, err := i.Sessions.Patch(t.Context(), s.SessionID, writer.patch(n))
				if err != nil || writer.value(got) != writer.want(n) {
					t.Errorf("writer %d: got %q, %v; want %q", w, writer.value(got), err, writer.want(n))
					return
				}
			}
		})
	}
	wg.Wait()
	// A patch of nothing returns the document as all see it.
	got, err := h.first().Sessions.Patch(t.Context(), s.SessionID, guest.Patch{})
	if err != nil {
		t.Fatal(err)
	}
	for w, writer := range writers {
		if writer.value(got) != writer.want(rounds-1) {
			t.Errorf("writer %d: %q was lost, there is %q", w, writer.want(rounds-1), writer.value(got))
		}
	}
}

func ownWritesAreRead(t *testing.T, h Harness) {
	var wg sync.WaitGroup
	for g := range 4 {
		i := h.Instances[g%len(h.Instances)]
		s := i.create(t)
		wg.Go(func() {
			for n := range 100 {
				p := guest.Patch{Fields: guest.FieldGender, To: guest.Session{Gender: fmt.Sprint(n)}}
				if _, err := i.Sessions.Patch(t.Context(), s.SessionID, p); err != nil {
					t.Error(err)
					return
				}
				if got, err := i.Sessions.Get(t.Context(), s.SessionID); err != nil || got.Gender != p.To.Gender {
					t.Errorf("wrote %s, read %s, %v", p.To.Gender, got.Gender, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func activityRenews(t *testing.T, h Harness) {
	s := h.first().create(t)
	const almost = guest.Lifetime - 10*time.Second // a real clock may be running too
	for range 3 {
		h.Age(s.SessionID, almost)
		if _, err := h.other().Sessions.Patch(t.Context(), s.SessionID, guest.Patch{}); err != nil {
			t.Fatalf("an active session is gone: %v", err)
		}
	}
	h.Age(s.SessionID, almost)
	if _, err := h.first().Sessions.Get(t.Context(), s.SessionID); err != nil {
		t.Fatalf("gone before its time: %v", err)
	}
	h.Age(s.SessionID, 10*time.Second) // reading did not renew it
	notFound(t, h.first(), s.SessionID)
}

func expiredSessionsAreGone(t *testing.T, h Harness) {
	s := h.first().create(t)
	h.Age(s.SessionID, guest.Lifetime)
	for _, i := range h.Instances {
		notFound(t, i, s.SessionID)
	}
}

// expiredIDsAreFree touches nothing between expiry and creation: a call that
// finds a session expired may well clean it up.
func expiredIDsAreFree(t *testing.T, h Harness) {
	s := h.first().create(t)
	h.Age(s.SessionID, guest.Lifetime)
	s.Username = "Second"
	if err := h.other().Sessions.Create(t.Context(), s); err != nil {
		t.Fatalf("the id of an expired session cannot be taken: %v", err)
	}
	if got, err := h.first().Sessions.Get(t.Context(), s.SessionID); err != nil || got.Username != "Second" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := h.first().stats(t).TotalUsers; got != 1 {
		t.Errorf("%d sessions are alive, want 1", got)
	}
}
