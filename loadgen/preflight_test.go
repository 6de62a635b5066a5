package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/fleet"
	"guestload/results"
	"guestload/server/store/redistest"
)

// always answers every request alike.
func always(t *testing.T, status int, contentType, body string, header ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// pythonSite is python3 -m http.server.
func pythonSite(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", t.TempDir(), "0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n') // Serving HTTP on 127.0.0.1 port 38217 (http://127.0.0.1:38217/) ...
	_, url, found := strings.Cut(line, "(")
	url, _, closed := strings.Cut(url, "/)")
	if err != nil || !found || !closed {
		t.Fatalf("the site says %q, %v", line, err)
	}
	return url
}

// hangsUp closes every connection at once.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for nc, err := l.Accept(); err == nil; nc, err = l.Accept() {
			nc.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// startLimited is a server of our own with its limits on.
func startLimited(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own, err := fleet.Start(t.Context(), fleet.Config{Command: []string{exe, serveEmbedded, "--limit-creations", "3/1m"}, Instances: 1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop(context.Background()) })
	return own.Servers[0].Target
}

// No wrong target passes, and each is told in one line with the remedy.
func TestWrongTargets(t *testing.T) {
	t.Parallel()
	const html, json = "text/html", "application/json"
	plain := startServer(t).Target
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for _, c := range []struct{ name, target, want string }{
		{"no server", "http://" + nobody(t), "nobody listens there: start the backend, or correct --target"},
		{"no such host", "http://nobody.invalid:3000", "no such host: correct --target"},
		{"wrong port", hangsUp(t), "name the port of the backend with --target"},
		{"another web site", pythonSite(t), "it is another web site, or the API has another path: correct --target, or map"},
		{"a site without the route", always(t, 404, html, "<h1>Not Found</h1>"), "it is another web site"},
		{"Redis", "http://" + redistest.Standalone(t).Addr(), "name the port on which the backend serves HTTP with --target"},
		{"TLS to a plain port", strings.Replace(plain, "http:", "https:", 1), "use --target " + plain},
		{"plain to a port of TLS", strings.Replace(secure.URL, "https:", "http:", 1), "use --target " + secure.URL},
		{"an unknown certificate", secure.URL, "--insecure"},
		{"always 500", always(t, 500, json, `{"success":false,"message":"broken"}`), "repair the backend"},
		{"always 500, as a page", always(t, 500, html, "<h1>Internal Server Error</h1>"), "repair the backend"},
		{"always 503", always(t, 503, html, "<h1>Service Unavailable</h1>"), "repair the backend"},
		{"never answers", "http://" + silent(t), "correct --target, or warm the backend up first"},
		{"rate limits from the first request", always(t, 429, json, `{"success":false,"message":"Too many"}`), "--limits off"},
		{"redirects", always(t, 308, html, "", "Location", "https://chat.example/api/guest/me"), "use --target https://chat.example"},
		{"redirects to a login page", always(t, 302, html, "", "Location", "/login"), "login page; name the backend itself"},
		{"a login page", always(t, 200, html, "<form>Log in</form>"), "such as a web page or a login page: correct --target"},
		{"wants a login", always(t, 401, html, "Unauthorized", "WWW-Authenticate", "Basic"), "send credentials with --header"},
		{"another API", always(t, 200, json, `{"ok":true}`), "something else than the contract's JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			text := pair[:strings.Index(pair, "thresholds:")]
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--target", c.target, "--quiet", "--out", filepath.Join(t.TempDir(), "r"))
			if code != results.ExitCouldNotRun || out != "" {
				t.Errorf("exit code %d, stdout %q", code, out)
			}
			if strings.Count(errs, "\n") != 1 || !strings.Contains(errs, c.want) {
				t.Errorf("stderr %q, want one line with %q", errs, c.want)
			}
			if took := time.Since(began); took > 15*time.Second { // 5 s, on a machine that does nothing else
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A limit that only guests meet is told while the run goes on, and makes it invalid.
func TestALimitedTargetDoesNotPass(t *testing.T) {
	t.Parallel()
	text := strings.Replace(long[:strings.Index(long, "thresholds:")], "within: 5s", "within: 2s", 1)
	text = strings.Replace(text, "within: 10s", "within: 2s", 1) // of the three guests who are created one has no partner
	for _, processes := range []string{"1", "2"} {
		t.Run(processes+" processes", func(t *testing.T) {
			t.Parallel()
			target := startLimited(t)
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--target", target, "--processes", processes, "--quiet", "--out", dir)
			if code != results.ExitInvalid || !strings.Contains(strings.Join(readRecord(t, dir).Invalid, "\n"), "a rate limit of the target caused") {
				t.Errorf("exit code %d\n%s", code, out)
			}
			if n := strings.Count(errs, "the target limits what one address"); n != 1 || !strings.Contains(errs, "--limits off") {
				t.Errorf("on stderr %q", errs)
			}
		})
	}
}

// A plain backend where Socket.IO is wanted: its socket's path is not there.
func TestAWrongTransportIsTold(t *testing.T) {
	t.Parallel()
	front := failingAt(t, "/none")
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ws") {
			http.NotFound(w, r)
			return
		}
		req, _ := http.NewRequestWithContext(r.Context(), r.Method, front+r.URL.RequestURI(), r.Body)
		req.Header = r.Header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	t.Cleanup(proxy.Close)
	text := strings.Replace(long, "guests: 20, within: 5s", "guests: 4, within: 2s", 1)
	code, _, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--target", proxy.URL, "--quiet", "--out", filepath.Join(t.TempDir(), "r"))
	if code == results.ExitPassed || !strings.Contains(errs, "try --transport socketio") {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
}
