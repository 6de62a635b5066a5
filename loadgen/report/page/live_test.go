package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T, p Page) *Live {
	t.Helper()
	record := p.Run.Record
	record.Operations, record.Thresholds, record.Outcome = nil, nil, ""
	l, err := Listen(":0", Start{Record: record, Thresholds: []string{"response(create) p99 < 2s"}, Scenario: p.Scenario})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// push shows the seconds from..to of a page.
func push(t *testing.T, l *Live, p Page, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		s := p.Run.Seconds[i]
		state := State{Phase: s.Phase, Elapsed: time.Duration(i+1) * time.Second, Left: time.Duration(25-i) * time.Second, Planned: 1560, Unmatched: i / 10}
		use := p.Usage[i].Of
		if i < 3 { // Redis is found a little later
			use = map[string]Use{"server": use["server"]}
		}
		if err := l.Push(Moment{Second: s, Use: use, State: state}); err != nil {
			t.Fatal(err)
		}
	}
}

// Once the guests have gone no second ends any more, and the page says what the run waits for.
func TestALivePageSaysWhatTheRunWaitsFor(t *testing.T) {
	p := sample(t)
	l := listen(t, p)
	push(t, l, p, 0, 25)
	resp, err := http.Get(l.URL() + "events?from=25")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for _, words := range []string{"waiting for the effect of the faults", "collecting the target's statistics"} {
		if err := l.Update(State{Elapsed: 25 * time.Second, Left: -1, Waiting: words, Planned: 1560}); err != nil {
			t.Fatal(err)
		}
		for shown := false; !shown; {
			if !lines.Scan() {
				t.Fatalf("%q is not shown: %v", words, lines.Err())
			}
			text, _ := strings.CutPrefix(lines.Text(), "data: ")
			var e event
			if text == lines.Text() {
				continue
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			for _, fragment := range e.Fragments {
				shown = shown || strings.Contains(html.UnescapeString(fragment), "0:25 so far, "+words)
			}
		}
	}
}

func TestALivePageFollowsTheRunToItsEnd(t *testing.T) {
	p := sample(t)
	l := listen(t, p)
	push(t, l, p, 0, 2)
	b := newBrowser(t)
	b.open(l.URL(), 400, "light")
	b.wait(`document.querySelector("h1").textContent === "Running"`)
	b.wait(`document.querySelectorAll("canvas").length === 6`)
	push(t, l, p, 2, 12)
	b.wait(`document.querySelectorAll("canvas").length === 16`)
	push(t, l, p, 12, 20)
	b.wait(`document.querySelector(".because").textContent.startsWith("In phase burst. 0:20 so far, about 0:06 left.")`)
	if key := b.eval(`document.getElementById("usage-key").innerText`); key != "server redis loadgen" {
		t.Errorf("the key: %q", key)
	}
	checkPage(t, b, 400, 16)
	if *shots != "" {
		b.shoot(*shots + "/live-400-light")
	}
	push(t, l, p, 20, 25)
	if err := l.Finish(p); err != nil {
		t.Fatal(err)
	}
	b.wait(`document.querySelector("h1").textContent === "Passed"`)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b, 400, 16)
	if want := []string{"fetched " + l.URL(), "fetched " + l.URL() + "events?from=2"}; !slices.Equal(b.told, want) {
		t.Errorf("the page said and fetched\n%s", strings.Join(b.told, "\n"))
	}
	if err := l.Push(Moment{}); err == nil {
		t.Error("a second after the end was shown")
	}
}

// hear reads events of a live page until one is final or the stream ends.
func hear(t *testing.T, l *Live, query string) (heard []event) {
	t.Helper()
	answer, err := http.Get(l.URL() + "events" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return heard
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			var e event
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
			if heard = append(heard, e); e.Final {
				return heard
			}
		}
	}
}

func TestWhoComesLateHearsWhatWasMissed(t *testing.T) {
	p := sample(t)
	l := listen(t, p)
	push(t, l, p, 0, 10)
	heard := make(chan []event)
	go func() { heard <- hear(t, l, "?from=7") }()
	for {
		l.mu.Lock()
		here := len(l.mu.watchers)
		l.mu.Unlock()
		if here == 1 {
			break
		}
	}
	push(t, l, p, 10, 12)
	if err := l.Finish(p); err != nil {
		t.Fatal(err)
	}
	var seconds []int
	events := <-heard
	for _, e := range events {
		for _, r := range e.Rows {
			seconds = append(seconds, r.Second)
		}
	}
	if !slices.Equal(seconds, []int{7, 8, 9, 10, 11}) {
		t.Errorf("heard of %v", seconds)
	}
	last := events[len(events)-1]
	if !last.Final || len(last.Whole.Rows) != 25 || !strings.Contains(last.Fragments["verdict"], "Passed") {
		t.Errorf("the last: final %v, %q", last.Final, last.Fragments["verdict"])
	}
	if after := hear(t, l, ""); len(after) != 1 || !after[0].Final {
		t.Errorf("after the end: %d events", len(after))
	}
}

func TestWhoReadsTooSlowlyIsLetGoAndHoldsNobodyUp(t *testing.T) {
	p := sample(t)
	l := listen(t, p)
	slow, err := l.join(0)
	if err != nil || slow == nil {
		t.Fatal(err)
	}
	push(t, l, p, 0, queued+2)
	heard := 0
	for range slow.queue { // closed, or this would not end
		heard++
	}
	if heard != queued {
		t.Errorf("%d events were queued, want %d", heard, queued)
	}
	for range watchersAtMost {
		if w, err := l.join(0); err != nil || w == nil {
			t.Fatal("refused before the limit", err)
		}
	}
	if w, _ := l.join(0); w != nil {
		t.Error("more may watch than the limit says")
	}
	if got := get(t, l.URL()+"events", http.StatusServiceUnavailable); !strings.Contains(got, "at most 64") {
		t.Errorf("got %q", got)
	}
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Errorf("%s: %s, %v", url, answer.Status, err)
	}
	return string(body)
}

func TestPrometheusReadsTheRun(t *testing.T) {
	p := sample(t)
	l := listen(t, p)
	push(t, l, p, 0, 25)
	got := get(t, l.URL()+"metrics", http.StatusOK)
	var arrived int64
	for _, s := range p.Run.Seconds {
		arrived += s.Arrived
	}
	for _, want := range []string{
		`guestload_run_info{scenario="burst",seed="1",target="embedded"} 1`,
		fmt.Sprintf("guestload_guests_arrived_total %d", arrived),
		"guestload_guests_planned 1560", "guestload_guests_unmatched_total 2", "guestload_violations_total 0",
		`guestload_failures_total{kind="timeout",operation="connect"} 13`,
		fmt.Sprintf(`guestload_response_seconds_count{operation="create"} %d`, p.Run.Record.Operations["create"].Count),
		fmt.Sprintf(`guestload_response_seconds_bucket{operation="create",le="2.5"} %d`, p.Run.Record.Operations["create"].Count),
		`guestload_process_resident_bytes{process="redis"} 1.2e+07`,
		"process_cpu_seconds_total", "go_goroutines",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if err := l.Finish(p); err != nil {
		t.Fatal(err)
	}
	if got := get(t, l.URL()+"metrics", http.StatusOK); !strings.Contains(got, `target="embedded"} 0`) {
		t.Error("the run has ended, and goes on")
	}
	if got := get(t, l.URL(), http.StatusOK); !strings.Contains(got, "<h1>Passed</h1>") || strings.Contains(got, "<main data-live>") {
		t.Error("the run has ended, and its page is live")
	}
}

func TestOnlyThisMachineWatchesUnlessTold(t *testing.T) {
	l := listen(t, sample(t))
	if !strings.HasPrefix(l.URL(), "http://127.0.0.1:") {
		t.Errorf("got %s", l.URL())
	}
	for _, from := range []string{"-1", "x", "99999999999999999999"} {
		if got := get(t, l.URL()+"events?from="+from, http.StatusBadRequest); !strings.Contains(got, "want a second of the run") {
			t.Errorf("got %q", got)
		}
	}
	get(t, l.URL()+"elsewhere", http.StatusNotFound)
	for _, address := range []string{"8090", "", "127.0.0.1:99999", "127.0.0.1:-1", strings.TrimSuffix(strings.TrimPrefix(l.URL(), "http://"), "/")} {
		if _, err := Listen(address, Start{}); err == nil || !strings.Contains(err.Error(), "watch at") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
