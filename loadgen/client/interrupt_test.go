package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"guestload/loadgen/session"
)

// Whatever waits for a target that says nothing ends with its context, long before
// its timeout.
func TestWaitingEndsWithTheContext(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, c *Client) error{
		"request": func(ctx context.Context, c *Client) error {
			return c.Call(ctx, session.Request{Method: "POST", Path: "/api/guest"}, nil)
		},
		"handshake": func(ctx context.Context, c *Client) error {
			_, err := c.Dial(ctx, session.Handshake{Token: "token"}, nil)
			return err
		},
		"slot": func(ctx context.Context, c *Client) error {
			for range cap(c.slots) {
				c.slots <- struct{}{}
			}
			return c.Call(ctx, session.Request{Method: "GET", Path: "/"}, nil)
		},
		"clean close": func(ctx context.Context, c *Client) error {
			nc, err := c.dial(ctx, time.Now().Add(time.Minute), &c.dialer.sockets)
			if err != nil {
				return err
			}
			return newConn(ctx, c, nc).Close(session.Clean)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			heard := make(chan struct{}, 16)
			acceptAll(l, func(nc net.Conn) {
				nc.Read(make([]byte, 1))
				heard <- struct{}{}
				io.Copy(io.Discard, nc)
			})
			c, err := New(t.Context(), Options{Target: "http://" + l.Addr().String(), Access: Access{Timeout: time.Minute}, Conns: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			<-heard // New has connected, and ended that
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- wait(ctx, c) }()
			if name != "slot" {
				<-heard
			}
			cancel()
			select {
			case err := <-ended:
				if err == nil {
					t.Error("no error")
				}
				if name == "request" && !errors.Is(err, context.Canceled) {
					t.Errorf("%v, want that it was cancelled", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it waits on, though its context has ended")
			}
		})
	}
}

// A connection of the pool goes from one context to the next, and ends only with the
// one that uses it, or has used it last.
func TestKeptConnectionsFollowTheContextOfTheirRequest(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	arrived := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			arrived <- struct{}{}
			<-hang
		}
		io.WriteString(w, `{"success":true,"data":{}}`)
	}))
	t.Cleanup(server.Close) // once nothing hangs
	c, err := New(t.Context(), Options{Target: server.URL, Access: Access{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(ctx context.Context, path string) error {
		return c.Call(ctx, session.Request{Method: "GET", Path: path}, nil)
	}
	first, end := context.WithCancel(t.Context())
	second, endSecond := context.WithCancel(t.Context())
	defer endSecond()
	if err := errors.Join(ask(first, "/"), ask(second, "/")); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ask(second, "/hang") }()
	<-arrived
	end() // the connection is the second's now
	if err := ask(t.Context(), "/"); err != nil {
		t.Errorf("a request beside it: %v", err)
	}
	select {
	case err := <-ended:
		t.Errorf("the end of another context ended a request: %v", err)
	default:
	}
	endSecond()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	if err := ask(t.Context(), "/"); err != nil {
		t.Errorf("a request after all: %v", err)
	}
}
