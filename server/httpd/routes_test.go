package httpd_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/httpd"
)

// pattern turns a body with <name>, <uuid>, <token>, <time> and <number> in it into what it matches.
func pattern(body string) *regexp.Regexp {
	p := regexp.QuoteMeta(body)
	for name, match := range map[string]string{
		"<name>": `[A-Za-z]+[0-9]{1,4}`, "<uuid>": `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "<token>": `[\w-]+\.[\w-]+\.[\w-]+`,
		"<time>": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`, "<number>": `[0-9.]+`,
	} {
		p = strings.ReplaceAll(p, name, match)
	}
	return regexp.MustCompile("^" + p + "$")
}

const nobody = "00000000-0000-4000-8000-000000000000"

func TestEveryRouteAnswersAsTheContractSays(t *testing.T) {
	b := start(t)
	bob := b.create(t, `{"username":"Bob_1","location":{"country":"US"},"gender":"male","language":"en"}`)
	gone := b.create(t, "")
	if got := b.do(t, request{method: "DELETE", path: "/api/guest", token: gone.token}); got.status != 200 {
		t.Fatalf("delete: %+v", got)
	}
	user := fmt.Sprintf(`"id":"%s","username":"Bob_1"`, bob.id)
	profile := `"location":{"country":"US"},"gender":"male","language":"en"`
	const none = `"location":null,"gender":null,"language":null`
	stats := `{"totalUsers":<number>,"onlineUsers":0,"activeUsers":0,"availableUsers":0,"connectedUsers":0}`
	failure := func(message string) string { return fmt.Sprintf(`{"success":false,"message":"%s"}`, message) }
	invalid := func(items ...string) string {
		for i := range items {
			field, message, _ := strings.Cut(items[i], ": ")
			items[i] = fmt.Sprintf(`{"field":"%s","message":"%s"}`, field, message)
		}
		return `{"success":false,"message":"Validation failed","errors":[` + strings.Join(items, ",") + `]}`
	}
	for _, c := range []struct {
		request
		status int
		want   string
	}{
		{request{method: "POST", path: "/api/guest", body: `{"username":" Alice ","location":{"city":"Rome"}}`}, 201,
			`{"success":true,"message":"Guest session created successfully","data":{"token":"<token>","user":{"id":"guest_<uuid>","username":"Alice","isGuest":true,"sessionId":"<uuid>","location":{"city":"Rome"},"gender":null,"language":null}}}`},
		{request{method: "POST", path: "/api/auth/guest"}, 201,
			`{"success":true,"message":"Guest session created successfully","data":{"token":"<token>","user":{"id":"guest_<uuid>","username":"<name>","isGuest":true,"sessionId":"<uuid>",` + none + `}}}`},
		{request{method: "POST", path: "/api/guest", body: `{}`}, 201,
			`{"success":true,"message":"Guest session created successfully","data":{"token":"<token>","user":{"id":"guest_<uuid>","username":"<name>","isGuest":true,"sessionId":"<uuid>",` + none + `}}}`},
		{request{method: "POST", path: "/api/guest", body: `{"username":"ab"}`}, 400, invalid("username: Username must be between 3 and 20 characters")},
		{request{method: "POST", path: "/api/guest", body: `{"username":"a b c","location":{"country":"` + strings.Repeat("x", 51) + `"}}`}, 400,
			invalid("username: Username can only contain letters, numbers, and underscores", "location.country: Country must be less than 50 characters")},
		{request{method: "POST", path: "/api/guest", body: `{"username":`}, 400, failure("Malformed JSON in request body")},
		{request{method: "POST", path: "/api/guest", body: `[1]`}, 400, failure("Request body must be a JSON object")},
		{request{method: "POST", path: "/api/guest", body: `a=b`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, failure("Content-Type must be application/json")},
		{request{method: "POST", path: "/api/guest", body: `{}`, header: map[string]string{"Content-Encoding": "gzip"}}, 415, failure("Content-Type must be application/json")},
		{request{path: "/api/guest/username"}, 200, `{"success":true,"data":{"username":"<name>"}}`},
		{request{path: "/api/auth/guest/username"}, 200, `{"success":true,"data":{"username":"<name>"}}`},

		{request{path: "/api/guest/me", token: bob.token}, 200, `{"success":true,"data":{"user":{` + user + `,"isGuest":true,"sessionId":"` + bob.sessionID + `"}}}`},
		{request{path: "/api/auth/me", token: bob.token}, 200, `{"success":true,"data":{"user":{` + user + `,"isGuest":true,"sessionId":"` + bob.sessionID + `"}}}`},
		{request{path: "/api/guest/me"}, 401, failure("Access token is required")},
		{request{path: "/api/guest/me", header: map[string]string{"Authorization": "Basic xyz"}}, 401, failure("Access token is required")},
		{request{path: "/api/guest/me", token: "rubbish"}, 401, failure("Invalid token")},
		{request{path: "/api/guest/me", token: gone.token}, 401, failure("Guest session not found or expired")},

		{request{path: "/api/guest/" + bob.sessionID}, 200, `{"success":true,"data":{"user":{` + user + `,"isOnline":false,"lastSeen":"<time>","isSearching":false,"inChat":false,"connectedUser":null,"isGuest":true,"sessionId":"` + bob.sessionID + `",` + profile + `}}}`},
		{request{path: "/api/auth/guest/" + bob.sessionID}, 200, `{"success":true,"data":{"user":{` + user + `,"isOnline":false,"lastSeen":"<time>","isSearching":false,"inChat":false,"connectedUser":null,"isGuest":true,"sessionId":"` + bob.sessionID + `",` + profile + `}}}`},
		{request{path: "/api/guest/" + nobody}, 404, failure("Guest session not found or expired")},
		{request{path: "/api/guest/x"}, 404, failure("Guest session not found or expired")},

		{request{method: "POST", path: "/api/guest/location", token: bob.token, body: `{"language":"fr"}`}, 200,
			`{"success":true,"message":"Location updated successfully","data":{"location":{"country":"US"},"gender":"male","language":"fr"}}`},
		{request{method: "POST", path: "/api/guest/location", token: bob.token}, 200,
			`{"success":true,"message":"Location updated successfully","data":{"location":{"country":"US"},"gender":"male","language":"fr"}}`},
		{request{method: "POST", path: "/api/guest/location", token: bob.token, body: `{"location":7}`}, 400, invalid("location: Location must be an object")},
		{request{method: "POST", path: "/api/guest/location", body: `{}`}, 401, failure("Access token is required")},
		{request{method: "POST", path: "/api/users/device", token: bob.token, body: `{"deviceId":"d1","ip":"::1"}`}, 200,
			`{"success":true,"message":"Device information updated successfully","data":{"user":{` + user + `,"deviceId":"d1","ip":"::1","location":{"country":"US"},"lastSeen":"<time>","isGuest":true}}}`},
		{request{method: "POST", path: "/api/users/device", token: bob.token, body: `{"deviceId":"","ip":"1.2.3"}`}, 400,
			invalid("deviceId: Device ID must be between 1 and 100 characters", "ip: Invalid IP address format")},
		{request{method: "POST", path: "/api/guest/token", token: bob.token}, 200, `{"success":true,"data":{"token":"<token>"}}`},
		{request{method: "POST", path: "/api/guest/token"}, 401, failure("Access token is required")},
		{request{method: "POST", path: "/api/guest/token", token: gone.token}, 401, failure("Guest session not found or expired")},

		{request{path: "/api/users/online", token: bob.token}, 200, `{"success":true,"data":{"onlineUsers":[],"count":0}}`},
		{request{path: "/api/users/online?limit=0", token: bob.token}, 400, invalid("limit: Limit must be a whole number from 1 to 1000")},
		{request{path: "/api/users/online?limit=1001", token: bob.token}, 400, invalid("limit: Limit must be a whole number from 1 to 1000")},
		{request{path: "/api/users/online?limit=ten", token: bob.token}, 400, invalid("limit: Limit must be a whole number from 1 to 1000")},
		{request{path: "/api/users/online?cursor=rubbish", token: bob.token}, 400, invalid("cursor: Unknown cursor")},
		{request{path: "/api/users/online"}, 401, failure("Access token is required")},
		{request{path: "/api/users/available", token: bob.token}, 200, `{"success":true,"data":{"availableUsers":[],"count":0}}`},
		{request{path: "/api/users/connected/" + bob.id, token: bob.token}, 200, `{"success":true,"data":{"users":[],"count":0}}`},
		{request{path: "/api/users/connected/nobody", token: bob.token}, 200, `{"success":true,"data":{"users":[],"count":0}}`},
		{request{path: "/api/users/stats", token: bob.token}, 200, `{"success":true,"data":{"statistics":` + stats + `}}`},
		{request{path: "/api/stats", token: bob.token}, 200, `{"success":true,"data":{"stats":` + stats + `,"onlineUsers":[],"timestamp":"<time>"}}`},
		{request{path: "/api/stats/online-users", token: bob.token}, 200, `{"success":true,"data":{"onlineUsers":[],"count":0,"timestamp":"<time>"}}`},
		{request{path: "/api/socket/stats"}, 200, `{"success":true,"data":{"connectedSockets":0,"rooms":0}}`},
		{request{path: "/health"}, 200, `{"success":true,"message":"Server is running","timestamp":"<time>","uptime":<number>,"version":"1.2.3","storage":"memory"}`},
		{request{path: "/ready"}, 200, `{"success":true,"message":"Server is ready"}`},

		{request{path: "/"}, 404, failure("API endpoint not found")},
		{request{path: "/api/nothing"}, 404, failure("API endpoint not found")},
		{request{path: "/api/guest/a/b"}, 404, failure("API endpoint not found")},
		{request{path: "/api/guest/username/"}, 200, `{"success":true,"data":{"username":"<name>"}}`},
		{request{method: "PUT", path: "/api/guest", body: "{}"}, 405, failure("Method not allowed")},
		{request{path: "/api/guest"}, 405, failure("Method not allowed")},
		{request{method: "POST", path: "/health"}, 405, failure("Method not allowed")},
		{request{method: "POST", path: "/ws"}, 405, failure("Method not allowed")},
		{request{path: "/ws"}, 426, failure("This endpoint speaks WebSocket only")},
		{request{path: "/socket.io/?EIO=4&transport=polling&t=abc"}, 400, `{"code":3,"message":"Bad request"}`},
		{request{path: "/socket.io/?EIO=4"}, 400, `{"code":0,"message":"Transport unknown"}`},
		{request{path: "/socket.io/?EIO=3&transport=websocket"}, 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{request{path: "/socket.io/?EIO=4&transport=websocket&sid=x"}, 400, `{"code":1,"message":"Session ID unknown"}`},
		{request{path: "/socket.io/?EIO=4&transport=websocket"}, 426, failure("This endpoint speaks WebSocket only")},
		{request{method: "DELETE", path: "/api/guest", token: gone.token}, 401, failure("Guest session not found or expired")},
		{request{method: "DELETE", path: "/api/guest", token: bob.token}, 200, `{"success":true,"message":"Guest session deleted successfully"}`},
	} {
		t.Run(fmt.Sprintf("%s %s %d", c.method, c.path, c.status), func(t *testing.T) {
			got := b.do(t, c.request)
			if got.status != c.status || !pattern(c.want).MatchString(got.body) {
				t.Errorf("\n got %d %s\nwant %d %s", got.status, got.body, c.status, c.want)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			} {
				if v := got.header.Get(name); v != want {
					t.Errorf("%s is %q, want %q", name, v, want)
				}
			}
			if got.header.Get("Server") != "" || got.header.Get("Strict-Transport-Security") != "" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
}

func TestMethodsOfARouteAreTold(t *testing.T) {
	b := start(t)
	for path, want := range map[string]string{
		"/api/guest": "POST, DELETE, OPTIONS", "/api/guest/me": "GET, HEAD, OPTIONS", "/api/guest/token": "POST, OPTIONS", "/health": "GET, HEAD, OPTIONS",
	} {
		if got := b.do(t, request{method: "OPTIONS", path: path}); got.status != 204 || got.header.Get("Allow") != want || got.body != "" {
			t.Errorf("OPTIONS %s: %+v", path, got)
		}
		if got := b.do(t, request{method: "PATCH", path: path}); got.status != 405 || got.header.Get("Allow") != want {
			t.Errorf("PATCH %s: %+v", path, got)
		}
	}
	got := b.do(t, request{method: "HEAD", path: "/health"})
	if got.status != 200 || got.body != "" || got.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %+v", got)
	}
}

func TestTokensOfAllKindsGetTheirSentence(t *testing.T) {
	b := start(t)
	p := b.create(t, "")
	b.ahead.Store(int64(2*time.Hour + time.Minute))
	want := func(r request, status int, text string) {
		t.Helper()
		if got := b.do(t, r); got.status != status || !strings.Contains(got.body, text) {
			t.Errorf("got %d %s, want %d %s", got.status, got.body, status, text)
		}
	}
	want(request{path: "/api/guest/me", token: p.token}, 401, api.TextTokenExpired)
	want(request{method: "POST", path: "/api/guest/token", token: p.token}, 401, api.TextSessionNotFound) // its session has lapsed too
	b.ahead.Store(int64(time.Hour))
	want(request{path: "/api/guest/me", token: p.token}, 200, p.username) // activity: the session's 2 h count from here
	b.ahead.Store(int64(2*time.Hour + time.Minute))
	want(request{path: "/api/guest/me", token: p.token}, 401, api.TextTokenExpired)
	want(request{method: "POST", path: "/api/guest/token", token: p.token}, 200, `"token"`)
	b.ahead.Store(int64(4*time.Hour + time.Minute))
	want(request{method: "POST", path: "/api/guest/token", token: p.token}, 401, api.TextTokenExpired)
}

func TestStorageFaultsAreNeverTheGuestsFault(t *testing.T) {
	b := start(t)
	p := b.create(t, "")
	b.sessions.fail(fmt.Errorf("dial: %w", guest.ErrUnavailable))
	for _, r := range []request{
		{method: "POST", path: "/api/guest"}, {path: "/api/guest/me", token: p.token}, {path: "/api/guest/" + p.sessionID},
		{method: "POST", path: "/api/guest/token", token: p.token}, {method: "DELETE", path: "/api/guest", token: p.token},
		{path: "/api/users/online", token: p.token}, {path: "/ws?token=" + p.token, header: upgradeHeaders},
	} {
		got := b.do(t, r)
		if got.status != 503 || got.header.Get("Retry-After") == "" || got.body != `{"success":false,"message":"Service temporarily unavailable"}` {
			t.Errorf("%s %s: %+v", r.method, r.path, got)
		}
	}
	b.sessions.fail(fmt.Errorf("read: %w", guest.ErrCorrupt))
	if got := b.do(t, request{path: "/api/guest/me", token: p.token}); got.status != 500 {
		t.Errorf("a damaged document: %+v", got)
	}
	b.sessions.fail(nil)
	if got := b.do(t, request{path: "/api/guest/me", token: p.token}); got.status != 200 {
		t.Errorf("afterwards: %+v", got)
	}
}

var upgradeHeaders = map[string]string{
	"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

func TestRequestsThatAreNoneGetTheirAnswer(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.ReadTimeout = 300 * time.Millisecond })
	for name, c := range map[string]struct {
		sent   string
		status int
		text   string
	}{
		"slow headers": {"GET /health HTTP/1.1\r\nHost: x\r\n", 408, "Request timed out"},
		"slow body":    {"POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{", 408, "Request timed out"},
		"huge header":  {"GET /health HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431, "Request header too large"},
		"no HTTP":      {"rubbish\r\n\r\n", 400, "Bad request"},
		"huge body, announced": {"POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n" +
			strings.Repeat("x", 400000), 413, "Request body too large"},
		"huge body, in chunks": {"POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 8) + "0\r\n\r\n", 413, "Request body too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parseRaw(t, b.raw(t, c.sent))
			if got.status != c.status || got.body != `{"success":false,"message":"`+c.text+`"}` || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOtherPagesAreLetInByName(t *testing.T) {
	named := start(t, func(c *httpd.Config) { c.Origins = []string{"https://chat.example"} })
	all := start(t, func(c *httpd.Config) { c.Origins = []string{"*"} })
	none := start(t)
	const allow = "Access-Control-Allow-Origin"
	for _, c := range []struct {
		backend      *backend
		origin, want string
		socket       int
	}{
		{named, "https://chat.example", "https://chat.example", 401},
		{named, "https://evil.example", "", 403},
		{named, "", "", 401},
		{all, "https://anybody.example", "*", 401},
		{none, "https://chat.example", "", 403},
		{none, none.url, "", 401},
		{none, "null", "", 403},
	} {
		got := c.backend.do(t, request{method: "OPTIONS", path: "/api/guest", header: map[string]string{"Origin": c.origin}})
		if got.header.Get(allow) != c.want || got.status != 204 {
			t.Errorf("%q: %d, %v", c.origin, got.status, got.header)
		}
		if c.want != "" && (!strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Authorization") || got.header.Get("Access-Control-Allow-Methods") == "") {
			t.Errorf("%q: %v", c.origin, got.header)
		}
		headers := map[string]string{"Origin": c.origin}
		for k, v := range upgradeHeaders {
			headers[k] = v
		}
		if got := c.backend.do(t, request{path: "/ws", header: headers}); got.status != c.socket {
			t.Errorf("a socket of %q: %+v", c.origin, got)
		}
	}
}

func TestMetricsTellWhatHappened(t *testing.T) {
	b := start(t)
	b.create(t, "")
	b.do(t, request{path: "/nowhere"})
	got := b.do(t, request{path: "/metrics"})
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", got.status, got.header)
	}
	for _, line := range []string{
		`guestload_http_requests_total{class="2xx",route="/api/guest"} 1`,
		`guestload_http_requests_total{class="4xx",route="unknown"} 1`,
		`guestload_events_received_total{event="chat:message"} 0`,
		`guestload_sockets 0`, `guestload_rooms 0`, `guestload_searching 0`, `guestload_queue_drops_total 0`,
		`guestload_match_wait_seconds_count 0`, `guestload_storage_state{state="memory"} 1`, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(got.body, "\n"+line) {
			t.Errorf("%s is missing", line)
		}
	}
	if got := b.do(t, request{method: http.MethodPost, path: "/metrics"}); got.status != 405 {
		t.Errorf("POST: %+v", got)
	}
}
