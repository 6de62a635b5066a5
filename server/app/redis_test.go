package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

var browser = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}

// ask sends a request and returns the answer's status and body.
func (r *running) ask(t *testing.T, method, path, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// newcomer creates a guest, and returns its token and session id.
func (r *running) newcomer(t *testing.T) (token, sessionID string) {
	t.Helper()
	status, body := r.ask(t, http.MethodPost, "/api/guest", "")
	var created struct {
		Data struct {
			Token string
			User  struct{ SessionID string }
		}
	}
	if err := json.Unmarshal([]byte(body), &created); err != nil || status != http.StatusCreated {
		t.Fatalf("create: %d, %s, %v", status, body, err)
	}
	return created.Data.Token, created.Data.User.SessionID
}

func (r *running) storage(t *testing.T) string {
	t.Helper()
	_, body := r.ask(t, http.MethodGet, "/health", "")
	_, rest, _ := strings.Cut(body, `"storage":"`)
	state, _, _ := strings.Cut(rest, `"`)
	return state
}

// soon waits until something holds, looking all the time.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// TestNoRouteScansTheKeys watches what Redis is asked while every route that
// lists or counts guests is asked. The test keeps the sweep, which may scan, from this
// instance, and scans once itself to show that the monitor sees it.
func TestNoRouteScansTheKeys(t *testing.T) {
	s := redistest.Standalone(t)
	m := redistest.Monitor(t, s)
	seen := func(what string) func() bool {
		return func() bool { return strings.Contains(strings.Join(m.Lines(), "\n"), what) }
	}
	for _, command := range [][]string{{"SET", "guests:sweeping", "test", "EX", "600"}, {"SCAN", "0"}} {
		if _, err := s.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "the monitor sees the scan", seen(`"SCAN"`))
	r := launch(t, "--limits", "off", "--redis-url", s.URL())
	var token, id string
	for range 20 {
		token, id = r.newcomer(t)
	}
	mark := func(text string) (at int) {
		t.Helper()
		if _, err := s.Do("ECHO", text); err != nil {
			t.Fatal(err)
		}
		soon(t, "the monitor sees "+text, seen(text))
		for at = range m.Lines() {
			if strings.Contains(m.Lines()[at], text) {
				return at
			}
		}
		return at
	}
	from := mark("requests begin")
	for _, path := range []string{
		"/api/users/online", "/api/users/online?limit=5", "/api/users/available", "/api/users/connected/guest_" + id,
		"/api/users/stats", "/api/stats", "/api/stats/online-users", "/api/socket/stats",
		"/api/guest/me", "/api/guest/" + id, "/health", "/ready", "/metrics",
	} {
		for range 3 {
			if status, body := r.ask(t, http.MethodGet, path, token); status != http.StatusOK {
				t.Errorf("%s: %d, %s", path, status, body)
			}
		}
	}
	socket := mark("events begin")
	r.askStats(t, token)
	if end := mark("events end"); end-socket < 4 {
		t.Errorf("get:stats ran %d commands only", end-socket-1)
	}
	commands := m.Lines()[from:mark("requests end")]
	for _, line := range commands {
		if upper := strings.ToUpper(line); strings.Contains(upper, `"KEYS"`) || strings.Contains(upper, `"SCAN"`) {
			t.Errorf("a request ran %s", line)
		}
	}
	if len(commands) < 10 {
		t.Errorf("the requests ran %d commands only", len(commands))
	}
}

// askStats opens a guest's socket, says get:stats and waits for the answer.
func (r *running) askStats(t *testing.T, token string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(r.url, "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET /ws?token=%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", token)
	in := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the socket is answered %v, %v", resp, err)
	}
	// The server does one thing after the other: what comes before the word about
	// the search is the answer, also where the news for everybody come as well.
	for _, event := range []string{api.EventGetStats, api.EventMatchCancel} {
		text := api.AppendEvent(nil, api.JSON, event, nil)
		if _, err := conn.Write(frame.AppendMasked(nil, frame.Text, [4]byte{1, 2, 3, 4}, text)); err != nil {
			t.Fatal(err)
		}
	}
	var heard []byte
	for !bytes.Contains(heard, []byte(api.EventMatchCancelled)) {
		chunk := make([]byte, 4096)
		n, err := in.Read(chunk)
		if err != nil {
			t.Fatalf("%v after %s", err, heard)
		}
		heard = append(heard, chunk[:n]...)
	}
	if !bytes.Contains(heard, []byte(api.EventStats)) {
		t.Errorf("no answer to get:stats: %s", heard)
	}
}

// TestPasswordIsToldNowhere goes through start, outage, return and a wrong
// password, on every kind of Redis.
func TestPasswordIsToldNowhere(t *testing.T) {
	const secret, wrong = "s3same-0pen", "hunter2-wr0ng"
	for name, start := range map[string]func(*testing.T) (url string, s *redisproc.Server){
		"standalone": func(t *testing.T) (string, *redisproc.Server) {
			s := redistest.StandaloneWith(t, redisproc.Config{Password: secret})
			return s.URL(), s
		},
		"cluster": func(t *testing.T) (string, *redisproc.Server) {
			c := redistest.ClusterWith(t, 3, redisproc.Config{Password: secret})
			return c.URL(), c.Nodes[1]
		},
		"sentinel": func(t *testing.T) (string, *redisproc.Server) {
			g := redistest.Group(t, redisproc.Config{Password: secret}, secret)
			return g.URL(), g.Master
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, s := start(t)
			if code, _, errs := quick(t, noEnv, "--listen", "127.0.0.1:0", "--redis-url", strings.Replace(url, secret, wrong, 1)); code != 1 ||
				!strings.Contains(errs, "misconfigured") || strings.Contains(errs, wrong) || strings.Contains(errs, secret) {
				t.Errorf("with a wrong password: exit %d, %s", code, errs)
			}
			r := launch(t, "--limits", "off", "--log-level", "debug", "--redis-url", url)
			var told bytes.Buffer
			look := func() {
				for _, path := range []string{"/metrics", "/health", "/ready", "/api/socket/stats"} {
					_, body := r.ask(t, http.MethodGet, path, "")
					told.WriteString(body)
				}
			}
			r.newcomer(t)
			look()
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			soon(t, "fallback", func() bool { return r.storage(t) == "fallback" })
			r.newcomer(t)
			look()
			if !strings.Contains(told.String(), "guestload_storage_owed_sessions 1") {
				t.Error("/metrics does not tell that Redis is owed a session")
			}
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			soon(t, "redis", func() bool { return r.storage(t) == "redis" })
			look()
			r.stop()
			if code := r.wait(t); code != 0 {
				t.Errorf("exit %d", code)
			}
			if !strings.Contains(r.log.String(), "to=fallback") {
				t.Errorf("the log does not tell of the outage:\n%s", r.log)
			}
			told.Write(r.log.Bytes())
			if strings.Contains(told.String(), secret) {
				t.Errorf("the password is told:\n%s", told.String())
			}
		})
	}
}

// TestHealthTellsOfAPromotion: the master dies, its replica takes over, and
// /health tells of each state on the way.
func TestHealthTellsOfAPromotion(t *testing.T) {
	g := redistest.Group(t, redisproc.Config{}, "")
	r := launch(t, "--limits", "off", "--redis-url", g.URL())
	tokens := make([]string, 3000) // so many take a while to write back
	for i := range tokens {
		tokens[i], _ = r.newcomer(t)
	}
	if state := r.storage(t); state != "redis" {
		t.Fatalf("storage is %s", state)
	}
	began := time.Now()
	if err := g.Master.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"fallback", "recovering", "redis"} {
		soon(t, "/health tells "+state, func() bool { return r.storage(t) == state })
		took := time.Since(began)
		t.Logf("%s after %v", state, took.Round(time.Millisecond))
		if state == "fallback" && took > time.Second {
			t.Errorf("fallback took %v", took)
		}
	}
	for _, token := range tokens {
		if status, body := r.ask(t, http.MethodGet, "/api/guest/me", token); status != http.StatusOK {
			t.Fatalf("a guest is lost: %d, %s", status, body)
		}
	}
	n, err := g.Replica.Do("EVAL", "return #redis.call('KEYS', 'guest:*')", "0")
	if err != nil || n.(int64) < int64(len(tokens)) {
		t.Errorf("the new master has %v guests, %v, want %d", n, err, len(tokens))
	}
	if reply, err := g.Replica.Do("ROLE"); err != nil || !strings.Contains(fmt.Sprint(reply), "master") {
		t.Errorf("the replica is %v, %v", reply, err)
	}
}

// TestRefusedRightIsToldEverywhere: a user of Redis 7 has no channels by default. The
// log names what is missing, /health too, and /ready turns traffic away until it is there.
func TestRefusedRightIsToldEverywhere(t *testing.T) {
	s := redistest.Standalone(t)
	if _, err := s.Do("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "resetchannels"); err != nil {
		t.Fatal(err)
	}
	missing := regexp.MustCompile(`redis user \\"app\\" may not run (PUBLISH|SUBSCRIBE) channel instance:\*`)
	r := launch(t, "--limits", "off", "--redis-url", "redis://app:pw@"+s.Addr())
	if status, body := r.ask(t, http.MethodGet, "/ready", ""); status != http.StatusServiceUnavailable || !missing.MatchString(body) {
		t.Errorf("/ready: %d, %s", status, body)
	}
	if status, body := r.ask(t, http.MethodGet, "/health", ""); status != http.StatusOK || !strings.Contains(body, `"storage":"fallback","reason":"`) || !missing.MatchString(body) {
		t.Errorf("/health: %d, %s", status, body)
	}
	token, _ := r.newcomer(t) // who does come is served
	if _, err := s.Do("ACL", "SETUSER", "app", "&*"); err != nil {
		t.Fatal(err)
	}
	soon(t, "redis", func() bool { return r.storage(t) == "redis" })
	for path, want := range map[string]string{"/ready": "Server is ready", "/health": "redis", "/api/guest/me": "sessionId"} {
		if status, body := r.ask(t, http.MethodGet, path, token); status != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "reason") {
			t.Errorf("%s: %d, %s", path, status, body)
		}
	}
	r.stop()
	r.wait(t)
	if !missing.MatchString(r.log.String()) {
		t.Errorf("the log does not name what is missing:\n%s", r.log)
	}
}

// TestForeignValuesAreNoGuests: another program, or a hand, has written under the key
// of a session.
func TestForeignValuesAreNoGuests(t *testing.T) {
	s := redistest.Standalone(t)
	r := launch(t, "--limits", "off", "--redis-url", s.URL())
	for _, write := range [][]string{{"SET", "", "x"}, {"SET", "", "{}"}, {"SET", "", `{"id":"guest_1"`}, {"RPUSH", "", "x"}, {"HSET", "", "a", "b"}} {
		token, id := r.newcomer(t)
		write[1] = "guest:" + id
		if _, err := s.Do("DEL", write[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Do(write...); err != nil {
			t.Fatal(err)
		}
		soon(t, fmt.Sprintf("%q is no guest", write), func() bool {
			status, _ := r.ask(t, http.MethodGet, "/api/guest/"+id, "")
			return status == http.StatusNotFound
		})
		for method, path := range map[string]string{http.MethodGet: "/api/guest/me", http.MethodDelete: "/api/guest", http.MethodPost: "/api/guest/token"} {
			if status, body := r.ask(t, method, path, token); status != http.StatusInternalServerError { // never 401: a client would throw its identity away
				t.Errorf("%q: %s %s: %d, %s", write, method, path, status, body)
			}
		}
		if n, err := s.Do("EXISTS", write[1]); err != nil || n != int64(1) {
			t.Errorf("%q is gone: %v, %v", write, n, err)
		}
	}
}
