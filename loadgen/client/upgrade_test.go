package client

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guestload/loadgen/session"
)

// upgrading answers each WebSocket handshake with what answer makes of the right
// Sec-WebSocket-Accept, and a greeting; it tells the requests.
func upgrading(t *testing.T, answer func(accept string) string) (target string, seen <-chan *http.Request) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	requests := make(chan *http.Request, 10)
	acceptAll(l, func(nc net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return
		}
		requests <- r
		text := `{"event":"connection:established","data":{}}`
		io.WriteString(nc, answer(acceptFor(r.Header.Get("Sec-WebSocket-Key")))+string([]byte{0x81, byte(len(text))})+text)
		nc.Read(make([]byte, 1)) // until the guest goes
	})
	return "http://" + l.Addr().String(), requests
}

func switching(more string) func(accept string) string {
	return func(accept string) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n" + more + "\r\n"
	}
}

func TestHandshakes(t *testing.T) {
	after := func(first string) func(string) string {
		return func(accept string) string { return first + switching("")(accept) }
	}
	for _, tt := range []struct {
		name   string
		answer func(accept string) string
		want   string // part of the error, "" for none
	}{
		{"as it is to be", switching(""), ""},
		{"after early hints", after("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), ""},
		{"after 100 and 102", after("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"), ""},
		{"with an extension that was not offered", switching("Sec-WebSocket-Extensions: permessage-deflate\r\n"), "not offered"},
		{"with a subprotocol that was not offered", switching("sec-websocket-protocol: chat\r\n"), "not offered"},
		{"with another nonce's answer", func(string) string { return switching("")("bm90IHRoZSByaWdodCBvbmU=") }, "another Sec-WebSocket-Accept"},
		{"without one", func(string) string { return "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" }, "no Sec-WebSocket-Accept"},
		{"to another protocol", func(accept string) string { return strings.Replace(switching("")(accept), "WebSocket", "h2c", 1) }, "Upgrade: websocket"},
		{"with a header that is none", switching("nonsense\r\n"), "without a colon"},
		{"with a status that is none", func(string) string { return "HTTP/1.1 1x1 S\r\n\r\n" }, "status"},
		{"refused after early hints", func(string) string {
			return "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!!"
		}, "403 no!!"},
		{"refused, compressed", func(string) string {
			body := coded(t, `{"success":false,"message":"Invalid token"}`, gzipped)
			return fmt.Sprintf("HTTP/1.1 401 Unauthorized\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}, "401 Invalid token"},
		{"redirected", func(string) string {
			return "HTTP/1.1 302 Found\r\nLocation: https://chat.example/ws\r\nContent-Length: 0\r\n\r\n"
		}, "use --target https://chat.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target, _ := upgrading(t, tt.answer)
			conn, err := newClient(t, target, 0).Dial(t.Context(), session.Handshake{Token: "good"}, nil)
			if err == nil {
				conn.Close(session.Abrupt)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestCookiesGoWithTheirGuest(t *testing.T) {
	target, seen := upgrading(t, switching("Set-Cookie: io=7; Path=/ws\r\n"))
	c, err := New(t.Context(), Options{Target: target, Access: Access{Headers: []Header{{"Cookie", "theme=dark"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dial := func(cookies *session.Cookies) string {
		conn, err := c.Dial(t.Context(), session.Handshake{Token: "good", Cookies: cookies}, nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close(session.Abrupt)
		return (<-seen).Header.Get("Cookie")
	}
	var ann, ben session.Cookies
	ann.Set([]string{"AWSALB=node1; Path=/; HttpOnly", "deep=x; Path=/admin", "not a cookie"})
	for _, step := range []struct {
		of   *session.Cookies
		want string
	}{
		{&ann, "theme=dark; AWSALB=node1"}, {&ben, "theme=dark"}, {&ann, "theme=dark; AWSALB=node1; io=7"}, {&ben, "theme=dark; io=7"}, {nil, "theme=dark"},
	} {
		if got := dial(step.of); got != step.want {
			t.Errorf("the target got %q, want %q", got, step.want)
		}
	}
	ann.Set([]string{"AWSALB=gone; Path=/; Max-Age=0", "io=; Path=/ws; Expires=Thu, 01 Jan 1970 00:00:00 GMT"})
	if got := dial(&ann); got != "theme=dark" {
		t.Errorf("after they were deleted: %q", got)
	}
}

// A host with several addresses has its share of connections at each, in requests
// and in sockets alike.
func TestConnectionsGoToEachAddressInTurn(t *testing.T) {
	d := &dialer{timeout: time.Second}
	count := map[string]*[2]int{}
	for range 3 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		remote := l.Addr().(*net.TCPAddr).AddrPort()
		d.remotes = append(d.remotes, &remote)
		count[remote.String()] = new([2]int)
	}
	for range 12 { // each guest opens both, in this order
		for kind, turns := range []*atomic.Uint32{&d.requests, &d.sockets} {
			nc, err := d.plain(t.Context(), soon(), turns)
			if err != nil {
				t.Fatal(err)
			}
			count[nc.RemoteAddr().String()][kind]++
			reset(nc)
		}
	}
	for address, n := range count {
		if *n != [2]int{4, 4} {
			t.Errorf("%s had %d requests and %d sockets, want 4 of each", address, n[0], n[1])
		}
	}
}
