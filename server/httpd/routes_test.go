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

// TestRequestsThatHTTPForbidsAreRefused: what is behind the first request in the same
// packet must never be answered, since a proxy in front may take it for another's.
func TestRequestsThatHTTPForbidsAreRefused(t *testing.T) {
	b := start(t)
	const post = "POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	const behind = "GET /api/guest/username HTTP/1.1\r\nHost: x\r\n\r\n"
	key := func(lines string) string {
		return "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + lines + "Connection: close\r\n\r\n"
	}
	for name, c := range map[string]struct {
		sent   string
		status int
		text   string
	}{
		"HTTP/1.2":                   {"GET /health HTTP/1.2\r\nHost: x\r\n\r\n" + behind, 505, "HTTP version"},
		"HTTP/1.9":                   {"GET /health HTTP/1.9\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + behind, 505, "HTTP version"},
		"HTTP/2.0":                   {"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP version"},
		"HTTP/0.9":                   {"GET /health HTTP/0.9\r\nHost: x\r\n\r\n", 505, "HTTP version"},
		"HTTP/3":                     {"GET /health HTTP/3\r\nHost: x\r\n\r\n", 505, "HTTP version"},
		"HTTP/1.10":                  {"GET /health HTTP/1.10\r\nHost: x\r\n\r\n", 505, "HTTP version"},
		"no HTTP":                    {"GET /health SIP/2.0\r\nHost: x\r\n\r\n", 400, "Bad request"},
		"a folded header":            {"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n" + behind, 400, "folded"},
		"a header folded with a tab": {"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\tc\r\n\r\n" + behind, 400, "folded"},
		"a folded length":            {post + "Content-Length:\r\n 2\r\n\r\n{}" + behind, 400, ""},
		"a space before the first":   {"GET /health HTTP/1.1\r\n Host: x\r\n\r\n" + behind, 400, ""},
		"a space before the colon":   {post + "Content-Length : 2\r\n\r\n{}" + behind, 400, ""},
		"two lengths":                {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + behind, 400, "Content-Length"},
		"one length twice":           {post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + behind, 400, "Content-Length"},
		"a list of lengths":          {post + "Content-Length: 2, 2\r\n\r\n{}" + behind, 400, ""},
		"a length with a sign":       {post + "Content-Length: +2\r\n\r\n{}" + behind, 400, ""},
		"a negative length":          {post + "Content-Length: -2\r\n\r\n{}" + behind, 400, ""},
		"a hexadecimal length":       {post + "Content-Length: 0x2\r\n\r\n{}" + behind, 400, ""},
		"chunks and a length":        {post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + behind, 400, "together"},
		"a length and chunks":        {post + "content-length: 12\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + behind, 400, "together"},
		"no coding and a length":     {post + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}" + behind, 400, "together"},
		"chunks twice":               {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + behind, 501, "Transfer-Encoding"},
		"an unknown coding":          {post + "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + behind, 501, "Transfer-Encoding"},
		"chunks over HTTP/1.0":       {"POST /api/guest HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 501, "over HTTP/1.1"},
		"a chunk of no size":         {post + "Transfer-Encoding: chunked\r\n\r\nxx\r\n{}\r\n0\r\n\r\n" + behind, 400, ""},
		"two hosts":                  {"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + behind, 400, ""},

		"a body that is too large, asked for first":     {post + "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n", 413, "too large"},
		"a body that is far too large, asked for first": {post + "Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", 413, "too large"},
		"a folded header, asked for first":              {post + "X-A: b\r\n c\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 400, "folded"},

		"no WebSocket key":        {key(""), 400, "Sec-WebSocket-Key"},
		"an empty WebSocket key":  {key("Sec-WebSocket-Key:\r\n"), 400, "Sec-WebSocket-Key"},
		"a key of 15 bytes":       {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n"), 400, "Sec-WebSocket-Key"},
		"a key of 17 bytes":       {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n"), 400, "Sec-WebSocket-Key"},
		"a key of 18 bytes":       {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n"), 400, "Sec-WebSocket-Key"},
		"a key that is no base64": {key("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n"), 400, "Sec-WebSocket-Key"},
		"a key with loose bits":   {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==\r\n"), 400, "Sec-WebSocket-Key"},
		"a key without padding":   {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA\r\n"), 400, "Sec-WebSocket-Key"},
		"two keys":                {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), 400, "Sec-WebSocket-Key"},
		"a good key":              {key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), 401, "Access token is required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := b.raw(t, c.sent)
			got := parseRaw(t, answers)
			if got.status != c.status || !strings.Contains(got.body, c.text) || !strings.Contains(got.body, `"success":false`) {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(answers, "100 Continue") || strings.Contains(answers, "\nHTTP/1.1 ") || strings.Contains(answers, "}HTTP/1.1 ") {
				t.Errorf("more than one answer:\n%s", answers)
			}
		})
	}
}

func TestABodyThatIsAskedForFirstIsTaken(t *testing.T) {
	b := start(t)
	const post = "Host: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}"
	if got := b.raw(t, "POST /api/guest HTTP/1.1\r\n"+post); !strings.HasPrefix(got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ") {
		t.Errorf("got %s", got)
	}
	if got := b.raw(t, "POST /api/guest HTTP/1.0\r\n"+post); !strings.Contains(got, " 201 ") || strings.Contains(got, "100 Continue") {
		t.Errorf("over HTTP/1.0, got %s", got)
	}
}

// TestTextThatUTF8CannotSayIsNeverRewritten: it is kept as it came, or refused.
func TestTextThatUTF8CannotSayIsNeverRewritten(t *testing.T) {
	b := start(t)
	p := b.create(t, "")
	for _, text := range []string{`\ud800`, `\udc00x`, `a\ud83d\ud83d\ude00`, "\xff", "a\xc3", "\xed\xa0\x80"} {
		for _, r := range []request{
			{method: "POST", path: "/api/guest", body: `{"language":"` + text + `"}`},
			{method: "POST", path: "/api/guest", body: `{"location":{"city":"` + text + `"}}`},
			{method: "POST", path: "/api/guest", body: `{"location":{"x` + text + `":1}}`},
			{method: "POST", path: "/api/guest", body: `{"other":["` + text + `"]}`},
			{method: "POST", path: "/api/guest/location", token: p.token, body: `{"gender":"` + text + `"}`},
			{method: "POST", path: "/api/users/device", token: p.token, body: `{"deviceId":"` + text + `"}`},
		} {
			if got := b.do(t, r); got.status != 400 || !strings.Contains(got.body, api.TextMalformedJSON) {
				t.Errorf("%s %q: %+v", r.path, r.body, got)
			}
		}
	}
	whole := b.create(t, `{"language":"\ud83d\ude00","location":{"city":"\ud83d\ude00"}}`)
	if got := b.do(t, request{path: "/api/guest/" + whole.sessionID, token: whole.token}); !strings.Contains(got.body, `"language":"😀"`) {
		t.Errorf("a whole pair: %s", got.body)
	}
	q := b.create(t, "")
	for _, f := range framings {
		one, two := b.join(t, api.JSON, p), b.join(t, f, q)
		one.emit(api.EventMatch, `{"language":"\ud800"}`)
		if data := one.expect(api.EventMatchError); !strings.Contains(data, "surrogate") {
			t.Errorf("told %s", data)
		}
		one.emit(api.EventMatch, "")
		one.expect(api.EventNoUsers)
		two.emit(api.EventMatch, "")
		two.expect(api.EventMatched)
		one.emit(api.EventChatMessage, `{"type":"text","content":"\ud800 \udc00\ud83d\ude00"}`)
		if data := two.expect(api.EventChatMessage); !strings.Contains(data, `"content":"\ud800 \udc00\ud83d\ude00"`) {
			t.Errorf("received %s", data)
		}
		one.emit(api.EventOffer, `{"offer":{"sdp":"\ud800"},"type":"video"}`)
		if data := two.expect(api.EventOffer); !strings.Contains(data, `"sdp":"\ud800"`) {
			t.Errorf("received %s", data)
		}
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
