package scale

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guestload/server/app"
)

// TestMain lets the test's binary be the servers that are measured.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == HoldCommand:
		if err := Hold(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
	case slices.Contains(os.Args, "--exit-with-stdin"):
		os.Exit(app.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
	default:
		os.Exit(m.Run())
	}
}

func TestIdleGuestsAreMeasured(t *testing.T) {
	for _, kind := range []string{Ours, Bare} {
		t.Run(kind, func(t *testing.T) {
			g, err := Idle(t.Context(), os.Args[0], kind, 50, 550)
			if err != nil {
				t.Fatal(err)
			}
			// A goroutine each is what makes the memory; both hold wherever it runs. Some
			// of fasthttp's own come and go.
			if g.Goroutines < 0.9 || g.Goroutines > 1.1 || g.Settled < 1000 {
				t.Errorf("%+v", g)
			}
		})
	}
	t.Run(Guests, func(t *testing.T) {
		a := &Setup{Server: os.Args[0], Self: os.Args[0]}
		g, err := a.IdleGuests(t.Context(), 50, 550)
		if err != nil {
			t.Fatal(err)
		}
		if g.Goroutines < 0.9 || g.Goroutines > 1.1 || g.Settled < 1000 {
			t.Errorf("%+v", g)
		}
	})
	if _, err := Idle(t.Context(), os.Args[0], "nobody", 1, 2); err == nil {
		t.Error("there is no such server, and no error")
	}
}

func TestMessagesAreToldApartByTheStatistics(t *testing.T) {
	a := &Setup{Dir: t.TempDir(), Server: os.Args[0]}
	d, err := a.Broadcasts(t.Context(), 2*chats+50, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if d.Told < 50 || d.Messages[0] == 0 || d.Messages[1] == 0 || d.During == 0 || d.Between == 0 {
		t.Errorf("statistics every second, and messages all the time: %+v", d)
	}
}

func TestDelaysAreThoseOfTheirSlots(t *testing.T) {
	tk := &talk{told: make([]atomic.Bool, 100)}
	tk.told[50].Store(true)
	for i := range 100 {
		delay := time.Millisecond
		if i == 50 {
			delay = 9 * time.Millisecond
		}
		tk.mu.heard = append(tk.mu.heard, heard{time.Duration(i) * slot, delay})
	}
	d := tk.delays()
	if d.During != 9*time.Millisecond || d.Between != time.Millisecond || d.Messages != [2]int{3, 97} {
		t.Errorf("%+v", d)
	}
}

func TestGarbageIsReadFromMetrics(t *testing.T) {
	const whole = `# HELP whatever
guestload_garbage_stop_seconds{part="waiting",quantile="0.99"} 0.0001
guestload_garbage_stop_seconds{part="waiting",quantile="1"} 0.002
guestload_garbage_stop_seconds{part="whole",quantile="0.99"} 0.0001
guestload_garbage_stop_seconds{part="whole",quantile="1"} 0.0025
go_cpu_classes_gc_total_cpu_seconds_total 0.5
go_cpu_classes_idle_cpu_seconds_total 10
go_cpu_classes_total_cpu_seconds_total 20
`
	for text, want := range map[string]Garbage{
		whole:                                   {Share: 0.05, Longest: 2500 * time.Microsecond, P99: 100 * time.Microsecond, Waiting: 2 * time.Millisecond},
		"":                                      {},
		strings.Replace(whole, " 20", " 10", 1): {},
		strings.Replace(whole, "0.5", "x", 1):   {},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
		g, err := garbage(t.Context(), s.Listener.Addr().String())
		s.Close()
		if g != want || (err == nil) != (want != Garbage{}) {
			t.Errorf("%+v, %v; want %+v", g, err, want)
		}
	}
}

func TestBenchmarksAreReadInTheirFormat(t *testing.T) {
	got := benchmarks(`goos: linux
BenchmarkHTTP/create-2 	   40401	     33201 ns/op	     25536 cpu-ns/op	         2.105 x/floor
BenchmarkSocket-16  1 2.0 x/floor
BenchmarkBroken
ok  	guestload/bench	29.138s
`)
	if len(got) != 2 || got["HTTP/create"]["x/floor"] != 2.105 || got["HTTP/create"]["cpu-ns/op"] != 25536 || got["Socket"]["x/floor"] != 2 {
		t.Errorf("%v", got)
	}
}

// BenchmarkIdle is what one more idle guest takes of memory; an operation is a
// crowd of them. x/bare compares it with a WebSocket as fasthttp/websocket holds it.
func BenchmarkIdle(b *testing.B) {
	const few, many = 1000, 6000
	var ours, bare Growth
	for b.Loop() {
		for kind, to := range map[string]*Growth{Ours: &ours, Bare: &bare} {
			var err error
			if *to, err = Idle(b.Context(), os.Args[0], kind, few, many); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(ours.Settled, "B/guest")
	b.ReportMetric(ours.Settled/bare.Settled, "x/bare")
	b.ReportMetric(ours.Goroutines, "goroutines/guest")
}
