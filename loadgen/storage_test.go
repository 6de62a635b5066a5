package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guestload/results"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

// silent listens, and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// nobody is an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}

// A run that should use Redis does not begin without it.
func TestARedisThatCannotBeUsedEndsTheProgramBeforeTheFirstGuest(t *testing.T) {
	redis := redistest.StandaloneWith(t, redisproc.Config{Password: "s3cret"})
	site := httptest.NewServer(http.NotFoundHandler())
	defer site.Close()
	for _, c := range []struct{ name, url, want string }{
		{"nobody listens", "redis://" + nobody(t), "refused"},
		{"wrong password", strings.Replace(redis.URL(), "s3cret", "wr0ng", 1), "WRONGPASS"},
		{"no password", "redis://" + redis.Addr(), "NOAUTH"},
		{"not a Redis", "redis://" + site.Listener.Addr().String(), "no Redis answers"},
		{"never answers", "redis://" + silent(t), "no Redis answers"},
		{"TLS to a plain port", strings.Replace(redis.URL(), "redis:", "rediss:", 1), "does not speak TLS"},
		{"no such host", "redis://nobody.invalid:6379", "no such host"},
		{"several instances", "redis://" + nobody(t), "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "r")
			instances := "1"
			if c.name == "several instances" {
				instances = "3"
			}
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--redis-url", c.url, "--instances", instances, "--quiet", "--out", dir)
			if code != results.ExitCouldNotRun || out != "" {
				t.Errorf("exit code %d, on stdout %q", code, out)
			}
			if strings.Count(errs, "\n") != 1 || !strings.Contains(errs, c.want) || !strings.Contains(errs, "--redis-url") ||
				strings.Contains(errs, "s3cret") || strings.Contains(errs, "wr0ng") {
				t.Errorf("on stderr %q, want one line with %q", errs, c.want)
			}
		})
	}
}

const long = `scenario: long
about: some guests meet over a few seconds.
seed: 3
phases: [{guests: 20, within: 5s}]
guests:
  - script: talker
    steps: [create, connect, {search: {within: 10s}}, {chat: {messages: 2, think: 20ms}}, drop]
thresholds: [violations == 0]
`

// A Redis that dies and comes back makes the run invalid, which says when.
func TestARedisLostDuringARunMakesItInvalid(t *testing.T) {
	t.Parallel()
	for _, processes := range []string{"1", "2"} {
		t.Run(processes+" processes", func(t *testing.T) {
			t.Parallel()
			redis := redistest.StandaloneWith(t, redisproc.Config{})
			began := make(chan struct{})
			go func() {
				defer close(began)
				for keys := 0; keys < 8 && t.Context().Err() == nil; { // until the first guests are there
					answer, _ := redis.Do("DBSIZE")
					fmt.Sscan(fmt.Sprint(answer), &keys)
					time.Sleep(10 * time.Millisecond)
				}
				redis.Kill()
			}()
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, long), "--redis-url", redis.URL(), "--instances", "2",
				"--processes", processes, "--quiet", "--out", dir)
			<-began
			why := strings.Join(readRecord(t, dir).Invalid, "\n")
			for _, want := range []string{"server 1 of 2 lost its Redis", "server 2 of 2 lost its Redis", "in second"} {
				if !strings.Contains(why, want) || !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
					t.Errorf("invalid %q, want %q\n%s%s", why, want, out, errs)
				}
			}
			if code != results.ExitInvalid && code != results.ExitViolated {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// healthSays is a server of our own behind a proxy that changes the storage of its /health.
func healthSays(t *testing.T, storage func() string) string {
	t.Helper()
	behind, err := url.Parse(startServer(t).Target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			fmt.Fprintf(w, `{"success":true,"storage":%q}`, storage())
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func TestATargetInFallbackIsNotPlayedAgainst(t *testing.T) {
	t.Parallel()
	target := healthSays(t, func() string { return "fallback" })
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, long), "--target", target, "--quiet", "--out", filepath.Join(t.TempDir(), "r"))
	if code != results.ExitCouldNotRun || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "bring Redis back") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestATargetThatLosesItsRedisMakesTheRunInvalid(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	target := healthSays(t, func() string {
		if n := asked.Add(1); n > 6 && n < 12 {
			return "fallback"
		}
		return "redis"
	})
	dir := filepath.Join(t.TempDir(), "r")
	code, out, _ := invoke(t.Context(), "--scenario", scenarioFile(t, long), "--target", target, "--quiet", "--out", dir)
	if why := strings.Join(readRecord(t, dir).Invalid, "\n"); code != results.ExitInvalid || !strings.Contains(why, target+" lost its Redis") {
		t.Errorf("exit code %d, invalid %q\n%s", code, why, out)
	}
}
