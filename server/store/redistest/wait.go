package redistest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
)

// Eventually waits for what happens elsewhere, and fails when it does not.
func Eventually(tb testing.TB, within time.Duration, what string, holds func() bool) {
	tb.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not within %v: %s", within, what)
		}
	}
}

// Must ends the test on an error.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// pulseEvery is how often Awake looks whether this process runs.
const pulseEvery = 10 * time.Millisecond

// Awake tells how long this process has been awake since: on a machine that gives
// it no time to run that is less than the clock says.
func Awake(t *testing.T) (since func() time.Duration) {
	t.Helper()
	tick := time.NewTicker(pulseEvery)
	t.Cleanup(tick.Stop)
	var pulses atomic.Int64
	go func() {
		for {
			select {
			case <-tick.C:
				pulses.Add(1)
			case <-t.Context().Done():
				return
			}
		}
	}()
	return func() time.Duration { return time.Duration(pulses.Load()) * pulseEvery }
}

// Connect connects a client for the length of a test. On a busy machine that may take
// longer than an outage is given.
func Connect[C interface {
	Connect(context.Context) error
	Close()
}](tb testing.TB, client C, err error) C {
	tb.Helper()
	Must(tb, err)
	tb.Cleanup(client.Close)
	Eventually(tb, 10*time.Second, "connected", func() bool {
		err := client.Connect(tb.Context())
		if err != nil && !errors.Is(err, guest.ErrUnavailable) {
			tb.Fatal(err)
		}
		return err == nil
	})
	return client
}

// NewGuest makes a guest whose location is a test for every reader of JSON.
func NewGuest() guest.Session {
	id := uuid.NewString()
	now := time.Now().UTC().Truncate(time.Millisecond)
	return guest.Session{
		ID: guest.IDPrefix + id, SessionID: id, Username: "CoolPanda1234",
		LastSeen: now, CreatedAt: now,
		Location: guest.Location(`{"country":"Österreich","tags":[],"big":12345678901234567,"path":"a/b","odd":"},{\"gender\":"}`),
		Gender:   "female", Language: "de",
	}
}
