package client

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"guestload/loadgen/session"
	"guestload/server/api"
)

func TestCallReadsTheEnvelope(t *testing.T) {
	var status int
	var body string
	c := newClient(t, listen(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Method()) != "POST" || string(ctx.Path()) != "/api/x" || string(ctx.PostBody()) != `{"a":1}` ||
			string(ctx.Request.Header.Peek("Authorization")) != "Bearer tok" || string(ctx.Request.Header.ContentType()) != "application/json" {
			t.Errorf("the server got %s", ctx.Request.String())
		}
		ctx.SetStatusCode(status)
		ctx.SetBodyString(body)
	}, nil), api.JSON)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string // the data, or part of the error
		kind   string
	}{
		{"success", 201, `{"success":true,"message":"m","data":{"token":"t"}}`, `{"token":"t"}`, ""},
		{"no data", 200, `{"success":true}`, ``, ""},
		{"refused", 429, `{"success":false,"message":"Too many"}`, "429 Too many", session.KindRefused},
		{"refused by a proxy", 502, `<html>`, `502 "<html>"`, session.KindRefused},
		{"success that is none", 200, `{"success":false,"message":"no"}`, "200 no", session.KindRefused},
		{"no envelope", 200, `{"token":"t"}`, `without "success"`, session.KindProtocol},
		{"no json", 200, `hello`, `"hello"`, session.KindProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body = tt.status, tt.body
			got := "unread"
			err := c.Call(t.Context(), session.Request{Method: "POST", Path: "/api/x", Token: "tok", Body: []byte(`{"a":1}`)},
				func(data api.Value) error {
					got = string(data)
					return nil
				})
			switch {
			case tt.kind == "" && (err != nil || got != tt.want):
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			case tt.kind != "" && (err == nil || session.Kind(err) != tt.kind || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v of kind %s, want %s with %q", err, session.Kind(err), tt.kind, tt.want)
			}
		})
	}
	status, body = 200, `{"success":true}`
	own := errors.New("own")
	if err := c.Call(t.Context(), session.Request{Method: "POST", Path: "/api/x", Token: "tok", Body: []byte(`{"a":1}`)},
		func(api.Value) error { return own }); !errors.Is(err, own) {
		t.Errorf("an error of read came back as %v", err)
	}
}

func TestASlowAnswerIsATimeout(t *testing.T) {
	release := make(chan bool)
	defer close(release)
	target := listen(t, func(*fasthttp.RequestCtx) { <-release }, nil)
	c, err := New(t.Context(), Options{Target: target, Access: Access{Timeout: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil)
	if session.Kind(err) != session.KindTimeout {
		t.Errorf("got %v of kind %s, want timeout", err, session.Kind(err))
	}
}

// A request that finds all connections busy is sent when one is free, and says
// how long that took: from then on it is the server's time.
func TestARequestTellsHowLongItWaitedForAConnection(t *testing.T) {
	arrived, release := make(chan bool), make(chan bool)
	target := listen(t, func(ctx *fasthttp.RequestCtx) {
		arrived <- true
		<-release
		ctx.SetBodyString(`{"success":true}`)
	}, nil)
	c, err := New(t.Context(), Options{Target: target, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	type result struct {
		waited, took time.Duration
		err          error
	}
	call := func(done chan<- result) {
		var r result
		begin := time.Now()
		var sending session.Sending
		r.err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/", Sending: &sending}, nil)
		r.waited = sending.Waited
		r.took = time.Since(begin)
		done <- r
	}
	first, second := make(chan result, 1), make(chan result, 1)
	go call(first)
	<-arrived // so the only connection is busy
	begin := time.Now()
	go call(second)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Call(ctx, session.Request{Method: "GET", Path: "/"}, nil); session.Kind(err) != session.KindTimeout {
		t.Errorf("a request for which no connection is free in time: %v, want a timeout", err)
	}
	release <- true
	<-arrived
	busy := time.Since(begin)
	release <- true
	if r := <-first; r.err != nil || r.waited != 0 {
		t.Errorf("the first request waited %v, %v; want not at all", r.waited, r.err)
	}
	if r := <-second; r.err != nil || r.waited <= 0 || r.waited > busy || r.waited > r.took {
		t.Errorf("the second waited %v of %v, %v; want above 0 and at most %v", r.waited, r.took, r.err, busy)
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	for _, tt := range []struct{ target, want string }{
		{"", "want http://host:port"}, {"localhost:80", "want http://host:port"}, {"ftp://x", "want http://host:port"},
		{"http://u:hidden@x", "without user"}, {"u:hidden@x:80", "without user"}, {"ftp://u:hidden@x", "without user"}, {"http://u:hidden@[x", "without user"},
		{"http://x/?a=1", "without user, query"},
		{"http://" + free, "connection refused"},
	} {
		if c, err := New(t.Context(), Options{Target: tt.target}); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("target %q: got %v, %v; want an error with %q", tt.target, c, err, tt.want)
		}
	}
}

func TestLoopbackTargetsAreDialledFromManyAddresses(t *testing.T) {
	sources := make(chan string, 100)
	c := newClient(t, listen(t, notFound, func(p *peer) {
		sources <- p.ws.RemoteAddr().(*net.TCPAddr).IP.String()
		p.read()
	}), api.JSON)
	seen := map[string]bool{}
	for range 3 * len(c.dialer.locals) {
		dial(t, c)
		seen[<-sources] = true
	}
	if len(c.dialer.locals) > 0 && len(seen) < len(c.dialer.locals) {
		t.Errorf("dialled from %v", seen)
	}
}
