package page

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"guestload/results"
	"guestload/results/series"
)

// closing is how long watchers have to hear the last of a run.
const closing = 2 * time.Second

// Start is what is known of a run before it begins.
type Start struct {
	Record     results.Record // Scenario, ScenarioHash, Seed, Started, Environment, Guests.Planned, and Faults as they are due
	Thresholds []string       // expressions
	Scenario   []byte         // the file as read
}

// Moment is one more second of a run, and how the run stands after it.
type Moment struct {
	Second series.Second  // not kept, and not changed
	Use    map[string]Use // by process, of that second; nil where nothing was measured
	State  State
}

// State is how a run stands at one moment.
type State struct {
	Phase      string
	Elapsed    time.Duration
	Left       time.Duration // estimated; negative: not known
	Waiting    string        // for what, where no more time is expected to be left; "" before
	Planned    int           // guests
	Unmatched  int           // guests
	Violations int64
}

// Live serves the page of a run while it goes on, and the run's metrics for
// Prometheus under /metrics. Its methods may be called from any goroutine.
type Live struct {
	listener net.Listener
	server   *http.Server
	served   chan error // what the server ended with

	mu struct {
		sync.Mutex
		start    Start
		state    State
		all      series.Second  // all seconds together
		use      map[string]Use // of the last second
		text     content
		data     data
		ended    bool
		watchers map[*watcher]struct{}
		closed   bool
	}
}

// Listen begins to serve at HOST:PORT; only this machine can watch where the
// host is left out, as in ":8090". Close ends it.
func Listen(address string, start Start) (*Live, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("watch at %q: want HOST:PORT or :PORT: %w", address, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("watch at %q: %w", address, err)
	}
	l := &Live{listener: listener, served: make(chan error, 1)}
	l.mu.start = start
	l.mu.all.Operations = map[string]*series.Times{}
	l.mu.state = State{Planned: start.Record.Guests.Planned, Left: -1}
	l.mu.data = data{Every: 1, Keep: pointsKept, Rows: []row{}, Curves: map[string]curve{}, Usage: []Spent{}, Bounds: newBounds(start.Thresholds), Faults: newFaults(start.Record.Faults), Scenario: string(start.Scenario)}
	l.mu.text = l.running()
	l.mu.watchers = map[*watcher]struct{}{}
	l.server = &http.Server{Handler: l.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { l.served <- l.server.Serve(listener) }()
	return l, nil
}

// URL is where the page is.
func (l *Live) URL() string { return "http://" + l.listener.Addr().String() + "/" }

// Push shows one more second; seconds come in order. It never waits for those
// who watch.
func (l *Live) Push(m Moment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.ended {
		return errors.New("show a second of a run: the run has ended")
	}
	l.mu.state, l.mu.use = m.State, m.Use
	l.addSecond(m.Second)
	r := newRow([]series.Second{m.Second})
	d := &l.mu.data
	d.Rows, d.Next = latest(append(d.Rows, r)), m.Second.Second+1
	d.Curves = curves(l.mu.all.Operations)
	e := event{Rows: []row{r}, Curves: d.Curves}
	if len(m.Use) > 0 {
		e.Usage = []Spent{{Second: m.Second.Second, Of: m.Use}}
		d.Usage = latest(append(d.Usage, e.Usage...))
	}
	l.mu.text = l.running()
	return l.tell(e)
}

// Update shows how the run stands where no second has ended since Push: it waits for
// something once its guests have gone.
func (l *Live) Update(s State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.ended || s == l.mu.state {
		return nil
	}
	l.mu.state = s
	l.mu.text = l.running()
	return l.tell(event{})
}

// addSecond adds a second to those before.
func (l *Live) addSecond(s series.Second) {
	all := &l.mu.all
	all.Operations = (&results.Run{Seconds: []series.Second{*all, s}}).Totals()
	all.Arrived, all.Done, all.Messages = all.Arrived+s.Arrived, all.Done+s.Done, all.Messages+s.Messages
	all.Live = s.Live
}

// latest keeps the last points of a run that goes on for long.
func latest[T any](points []T) []T {
	return points[max(0, len(points)-pointsKept):]
}

// Finish shows the page of the run as it is in its record. Those who watch
// keep it when the server has gone.
func (l *Live) Finish(p Page) error {
	text, d := view(p.Run.Record, p.Scenario), p.data()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.text, l.mu.data, l.mu.ended = text, d, true
	return l.tell(event{Whole: &d, Final: true})
}

// Close tells those who watch what is left to tell, within two seconds, and
// ends the server.
func (l *Live) Close() error {
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return nil
	}
	l.mu.closed = true
	for w := range l.mu.watchers {
		l.leave(w)
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = l.server.Close() // somebody does not read; the run is over all the same
	}
	if served := <-l.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
