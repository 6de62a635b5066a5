package target

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"guestload/loadgen/client"
	"guestload/loadgen/fleet"
	"guestload/results"
)

// browser requests what is no route of guests, with the guests' access.
type browser struct {
	http   http.Client
	access client.Access
}

func newBrowser(target string, access client.Access) (*browser, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if secure, err = access.TLS(u); err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // another server says nothing about this one
	return &browser{http.Client{Transport: transport, CheckRedirect: stay}, access}, nil
}

// do sends a request with the headers of all guests.
func (b *browser) do(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", b.access.UserAgent)
	for _, h := range b.access.Headers {
		if strings.EqualFold(h.Name, "Host") {
			r.Host = h.Value
		} else {
			r.Header.Add(h.Name, h.Value)
		}
	}
	return b.http.Do(r)
}

// get requests from one instance what has no envelope, for at most askTime.
func (t *Target) get(ctx context.Context, url, path string, read func(io.Reader) (string, error)) (text string, err error) {
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	defer func() { t.unanswered.note(ctx, path, askTime, err) }()
	if text, err = t.fetch(asking, url, t.Path(path), read); err != nil {
		err = fmt.Errorf("GET %s: %w", t.Path(path), err)
	}
	return text, err
}

func (t *Target) fetch(ctx context.Context, url, path string, read func(io.Reader) (string, error)) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := t.browser.do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return read(resp.Body)
}

// spent is what a server says that its process has spent.
type spent struct {
	cpu, memory float64 // seconds; bytes resident
	known       bool
}

// spent reads /metrics.
func (t *Target) spent(ctx context.Context) (s spent, err error) {
	_, err = t.get(ctx, t.urls[0], "/metrics", func(body io.Reader) (string, error) {
		metrics, err := fleet.ReadMetrics(body)
		s.cpu, s.known = metrics["process_cpu_seconds_total"]
		s.memory = metrics["process_resident_memory_bytes"]
		return "", err
	})
	return s, err
}

// usage is what a running backend has spent since it was opened, nil where that is unknown.
func (t *Target) usage(ctx context.Context) *results.Usage {
	if !t.before.known {
		return nil
	}
	after, err := t.spent(ctx)
	if err != nil || !after.known {
		return nil
	}
	return &results.Usage{CPUSec: after.cpu - t.before.cpu, RSSPeakMB: max(after.memory, t.before.memory) / 1e6}
}

// Usage returns what the servers, each of them and their Redis have spent, nil where that is
// unknown. It stops embedded servers.
func (t *Target) Usage(ctx context.Context) (all *results.Usage, each []results.Usage, redis *results.Usage) {
	if t.own == nil {
		return t.usage(ctx), nil, nil
	}
	t.own.Stop(ctx)
	return t.own.Usage()
}
