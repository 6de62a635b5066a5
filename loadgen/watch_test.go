package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/results"
)

// hearing is what the program says on stderr, read while it runs.
type hearing struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *hearing) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *hearing) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}

func TestARunCanBeWatched(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	text := strings.Replace(pair, "within: 300ms", "within: 1m", 1)
	args := []string{"--scenario", scenarioFile(t, text), "--watch", ":0", "--json", "--out", filepath.Join(t.TempDir(), "r")}
	var errs hearing
	code := make(chan int, 1)
	go func() {
		code <- program(ctx, args, func(string) string { return "" }, strings.NewReader(""), io.Discard, &errs)
	}()
	address := regexp.MustCompile(`watch at (http://127\.0\.0\.1:\d+/), Prometheus`)
	arrived := regexp.MustCompile(`guestload_guests_arrived_total [1-9]`)
	url := ""
	until(t, "it says where to watch", func() bool {
		if m := address.FindStringSubmatch(errs.String()); m != nil {
			url = m[1]
		}
		return url != ""
	})
	until(t, "a second has been shown", func() bool {
		return arrived.MatchString(fetch(t, url+"metrics"))
	})
	if html := fetch(t, url); !strings.Contains(html, "pair: running") || !strings.Contains(html, "failures == 0") {
		t.Errorf("the live page:\n%s", html)
	}
	if m := fetch(t, url+"metrics"); !strings.Contains(m, "guestload_guests_planned 8") {
		t.Errorf("the metrics:\n%s", m)
	}
	interrupt()
	if got := <-code; got != results.ExitInvalid {
		t.Errorf("exit code %d\n%s", got, errs.String())
	}
	if listens(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")) {
		t.Error("the page is served still")
	}
}
