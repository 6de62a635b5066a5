package httpd_test

import (
	"strings"
	"testing"
	"time"

	"guestload/server/api"
)

// TestWhereAGuestIsAndWithWhomIsForThePairAlone asks every route and event that
// tells of guests, as a stranger, and as one of a pair.
func TestWhereAGuestIsAndWithWhomIsForThePairAlone(t *testing.T) {
	b := start(t)
	const body = `{"location":{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","street":"Main St","coordinates":{"lat":47.07,"lon":15.43}}}`
	p, q, r := b.create(t, body), b.create(t, body), b.create(t, body)
	expired := b.create(t, "").token
	one, two, other := b.join(t, api.JSON, p), b.join(t, api.SocketIO, q), b.join(t, api.JSON, r)
	one.emit(api.EventMatch, "")
	one.expect(api.EventNoUsers)
	two.emit(api.EventMatch, "")
	for w, partner := range map[*wire]person{one: q, two: p} {
		if data := w.expect(api.EventMatched); !strings.Contains(data, `"lat":47.07`) || !strings.Contains(data, partner.id) {
			t.Errorf("a partner is told %s", data)
		}
	}
	other.emit(api.EventMatch, `{"language":"tlh"}`) // is available, and waits
	other.expect(api.EventNoUsers)

	// secrets of the pair, which no stranger may read.
	secrets := func(from, text string, of person) {
		t.Helper()
		for _, secret := range []string{"Graz", "47.07", "15.43", "Main St", "socketId", "token", p.token, q.token} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %s: %s", from, secret, text)
			}
		}
		if of.id != p.id && strings.Contains(text, p.id) && strings.Contains(text, "connectedUser") {
			t.Errorf("%s tells a partner: %s", from, text)
		}
		if strings.Contains(text, "Austria") && !strings.Contains(text, `"region":"Styria","city":null,"timezone":"Europe/Vienna","coordinates":null}`) {
			t.Errorf("%s tells too little: %s", from, text)
		}
	}
	for what, token := range map[string]string{"nobody": "", "a stranger": r.token, "rubbish": "rubbish", "somebody's id": p.id} {
		got := b.do(t, request{path: "/api/guest/" + q.sessionID, token: token})
		if got.status != 200 || !strings.Contains(got.body, `"inChat":true,"connectedUser":null`) {
			t.Errorf("%s: %+v", what, got)
		}
		secrets("fetch by "+what, got.body, q)
	}
	for _, me := range []person{p, q} {
		for _, path := range []string{"/api/guest/", "/api/auth/guest/"} {
			got := b.do(t, request{path: path + q.sessionID, token: me.token})
			if !strings.Contains(got.body, `"connectedUser":"`+p.id+`"`) || !strings.Contains(got.body, strings.TrimPrefix(body[:len(body)-1], `{`)) {
				t.Errorf("%s is told %s", me.username, got.body)
			}
		}
		// The partner, of whom ever the pair is asked for.
		for _, asked := range []person{p, q} {
			got := b.do(t, request{path: "/api/users/connected/" + asked.id, token: me.token})
			them := map[string]person{p.id: q, q.id: p}[asked.id]
			if !strings.Contains(got.body, `"count":1`) || !strings.Contains(got.body, `"id":"`+them.id+`"`) {
				t.Errorf("%s, of %s: %s", me.username, asked.username, got.body)
			}
			secrets("connected", strings.ReplaceAll(got.body, "connectedUser", ""), asked)
		}
	}
	for _, of := range []person{p, q} {
		if got := b.do(t, request{path: "/api/users/connected/" + of.id, token: r.token}); got.body != `{"success":true,"data":{"users":[],"count":0}}` {
			t.Errorf("a stranger learns who talks with whom: %s", got.body)
		}
	}
	for _, path := range []string{"/api/users/online", "/api/users/available", "/api/stats", "/api/stats/online-users", "/api/users/stats", "/api/socket/stats"} {
		for _, me := range []person{r, p} {
			got := b.do(t, request{path: path, token: me.token})
			if got.status != 200 || strings.Contains(got.body, "sessionId") || strings.Contains(got.body, "connectedUser\"") {
				t.Errorf("%s: %+v", path, got)
			}
			secrets(path, strings.ReplaceAll(got.body, "connectedUsers", ""), me)
		}
	}
	other.emit(api.EventGetStats, "")
	secrets(api.EventStats, strings.ReplaceAll(other.expect(api.EventStats), "connectedUsers", ""), r)

	// A partner of yesterday is a stranger, and so is a token that has expired.
	one.emit(api.EventLeaveRoom, "")
	two.expect(api.EventChatCleared)
	secrets("fetch by the last partner", b.do(t, request{path: "/api/guest/" + q.sessionID, token: p.token}).body, q)
	b.ahead.Store(int64(time.Hour + 59*time.Minute))
	b.do(t, request{path: "/api/guest/me", token: p.token})
	b.ahead.Store(int64(2*time.Hour + time.Minute))
	for _, token := range []string{expired, p.token} {
		secrets("fetch with an expired token", b.do(t, request{path: "/api/guest/" + p.sessionID, token: token}).body, p)
	}
}
