package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Bounds of those who watch.
const (
	watchersAtMost = 64
	queued         = 16              // events that wait for one who reads slowly
	patience       = 5 * time.Second // for one write
)

// event is what a watching page hears.
type event struct {
	Fragments map[string]string `json:"fragments,omitempty"` // HTML, by the id of its element
	Rows      []row             `json:"rows,omitempty"`
	Usage     []Spent           `json:"usage,omitempty"`
	Curves    map[string]curve  `json:"curves,omitempty"`
	Whole     *data             `json:"whole,omitempty"` // in place of all that was heard
	Final     bool              `json:"final,omitempty"` // nothing follows
}

// watcher is one page that listens. Its queue is closed when it is to end.
type watcher struct{ queue chan []byte }

// tell gives an event to all who watch, under mu. Who has fallen behind is let
// go: its page comes again by itself, and hears what it missed.
func (l *Live) tell(e event) error {
	if len(l.mu.watchers) == 0 {
		return nil
	}
	text, err := l.encode(e)
	if err != nil {
		return err
	}
	for w := range l.mu.watchers {
		select {
		case w.queue <- text:
		default:
			l.leave(w)
		}
	}
	return nil
}

// encode completes an event with the text of the page, under mu.
func (l *Live) encode(e event) ([]byte, error) {
	e.Fragments = renderFragments(l.mu.text)
	text, err := json.Marshal(e) // one line
	if err != nil {
		return nil, fmt.Errorf("tell of a run: %w", err)
	}
	return fmt.Appendf(nil, "id: %d\ndata: %s\n\n", l.mu.data.Next, text), nil
}

// leave ends a watcher, under mu.
func (l *Live) leave(w *watcher) {
	if _, here := l.mu.watchers[w]; here {
		delete(l.mu.watchers, w)
		close(w.queue)
	}
}

// join begins to watch with all that happened from a second on. It returns nil
// where there are too many already, or the server is about to end.
func (l *Live) join(from int) (*watcher, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed || len(l.mu.watchers) >= watchersAtMost {
		return nil, nil
	}
	var missed event
	if d := l.mu.data; l.mu.ended {
		missed = event{Whole: &d, Final: true}
	} else {
		missed = since(d, from)
	}
	text, err := l.encode(missed)
	if err != nil {
		return nil, err
	}
	w := &watcher{make(chan []byte, queued)}
	w.queue <- text
	l.mu.watchers[w] = struct{}{}
	return w, nil
}

func since(d data, from int) event {
	e := event{Curves: d.Curves}
	for _, r := range d.Rows {
		if r.Second >= from {
			e.Rows = append(e.Rows, r)
		}
	}
	for _, u := range d.Usage {
		if u.Second >= from {
			e.Usage = append(e.Usage, u)
		}
	}
	return e
}

func (l *Live) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", l.servePage)
	mux.HandleFunc("GET /events", l.serveEvents)
	mux.Handle("GET /metrics", l.metrics())
	return mux
}

func (l *Live) servePage(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	text, d, live := l.mu.text, l.mu.data, !l.mu.ended
	l.mu.Unlock()
	var b bytes.Buffer
	if err := render(&b, text, d, live); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
	_, _ = w.Write(b.Bytes()) // who has gone needs no page
}

func (l *Live) serveEvents(w http.ResponseWriter, r *http.Request) {
	from, err := wanted(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	watcher, err := l.join(from)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if watcher == nil {
		http.Error(w, fmt.Sprintf("at most %d can watch at a time", watchersAtMost), http.StatusServiceUnavailable)
		return
	}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leave(watcher)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case text, ok := <-watcher.queue:
			if !ok {
				return
			}
			_ = out.SetWriteDeadline(time.Now().Add(patience))
			if _, err := w.Write(text); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
	}
}

// wanted is the second from which a page wants to hear: where it left off, or
// what it asks for.
func wanted(r *http.Request) (int, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("from")
	}
	if text == "" {
		return 0, nil
	}
	from, err := strconv.Atoi(text)
	if err != nil || from < 0 {
		return 0, fmt.Errorf("from %q: want a second of the run, 0 or more", text)
	}
	return from, nil
}
