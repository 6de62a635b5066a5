package redis

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/store/redistest"
)

// noted is a connection that notes when what was written to it.
type noted struct {
	net.Conn
	began time.Time

	mu      sync.Mutex
	flusher []trip
	fails   error
	ended   bool
}

type trip struct {
	at   time.Duration
	what string
}

func (n *noted) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flusher = append(n.flusher, trip{time.Since(n.began), string(b)})
	return len(b), n.fails
}

func (n *noted) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	return nil
}

// noted is what has been noted so far.
func (n *noted) noted() (flusher []trip, ended bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.flusher, n.ended
}

// flushes are the trips that writes at the times given lead to: each is one byte.
func flushes(t *testing.T, at ...time.Duration) (made []trip) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{began: time.Now()}
		c := new(flusher).over(n)
		for i, when := range at {
			time.Sleep(when - time.Since(n.began))
			if _, err := io.WriteString(c, string(rune('a'+i))); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
		redistest.Must(t, c.Close())
		made, _ = n.noted()
	})
	return made
}

func TestWritesShareFlushes(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		at   []time.Duration
		want []trip
	}{
		{"alone, one goes at once", []time.Duration{0, 50 * ms, 51 * ms}, []trip{{0, "a"}, {50 * ms, "b"}, {51 * ms, "c"}}},
		{"so does another behind it", []time.Duration{0, 0}, []trip{{0, "a"}, {0, "b"}}},
		{"and one after the other", []time.Duration{0, 3 * ms / 4, 3 * ms / 2}, []trip{{0, "a"}, {3 * ms / 4, "b"}, {3 * ms / 2, "c"}}},
		{"those behind two wait for each other", []time.Duration{0, 0, 0, 0}, []trip{{0, "a"}, {0, "b"}, {ms, "cd"}}},
		{"and so do those behind many", []time.Duration{0, 0, 0, 0, 0, ms + ms/2, 3 * ms},
			[]trip{{0, "a"}, {0, "b"}, {ms, "cde"}, {2 * ms, "f"}, {3 * ms, "g"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if flusher := flushes(t, c.at...); !slices.Equal(flusher, c.want) {
				t.Errorf("trips %v, want %v", flusher, c.want)
			}
		})
	}
}

func TestAFullFlushDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{began: time.Now()}
		c := new(flusher).over(n)
		for _, b := range []string{"a", "b", "c", strings.Repeat("d", flushBytes), "e"} {
			if _, err := io.WriteString(c, b); err != nil {
				t.Error(err)
			}
		}
		if flusher, _ := n.noted(); len(flusher) != 4 || len(flusher[2].what) != 1+flushBytes || flusher[3] != (trip{0, "e"}) {
			t.Errorf("%d trips, want two, another with all that waited, and at once the last write's", len(flusher))
		}
	})
}

func TestNothingWaitsWhileAnUrgentReadRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{began: time.Now()}
		shared := new(flusher)
		c := shared.over(n)
		write := func(what string) {
			if _, err := io.WriteString(c, what); err != nil {
				t.Error(err)
			}
		}
		for _, what := range []string{"a", "b", "c"} { // the last waits
			write(what)
		}
		end := shared.begin()
		write("d")
		write("e")
		end()
		write("f")
		time.Sleep(time.Second)
		want := []trip{{0, "a"}, {0, "b"}, {0, "cd"}, {0, "e"}, {flushEvery, "f"}}
		if made, _ := n.noted(); !slices.Equal(made, want) {
			t.Errorf("trips %v, want %v", made, want)
		}
	})
}

func TestAFailedFlushEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &noted{began: time.Now()}
		c := new(flusher).over(n)
		_, _ = io.WriteString(c, "a")
		_, _ = io.WriteString(c, "a")
		broken := errors.New("broken pipe")
		n.mu.Lock()
		n.fails = broken
		n.mu.Unlock()
		if _, err := io.WriteString(c, "b"); err != nil {
			t.Errorf("%v, and the trip has not begun", err)
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		if _, ended := n.noted(); !ended {
			t.Error("the connection is still open")
		}
		if _, err := io.WriteString(c, "c"); !errors.Is(err, broken) {
			t.Errorf("%v, want the error of the trip", err)
		}
	})
}
