package client

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// plug connects a socket to a peer.
func plug(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	deadline := time.Now().Add(10 * time.Second)
	remote := l.Addr().(*net.TCPAddr).AddrPort()
	ours, err = connect(t.Context(), netip.Addr{}, &remote, deadline)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reset(ours) })
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	for _, nc := range []net.Conn{ours, theirs} {
		if err := nc.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
	}
	return ours, theirs
}

func TestASocketCarriesMoreThanItsBuffers(t *testing.T) {
	ours, theirs := plug(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	go func() {
		io.Copy(theirs, theirs) // what is missing is seen below
		theirs.(*net.TCPConn).CloseWrite()
	}()
	failed := make(chan error, 1)
	go func() {
		n, err := ours.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		failed <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(ours, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("what came back differs, %v", err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

func TestASocketTellsHowItEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(ours, theirs net.Conn)
		want error
	}{
		{"closed by the other side", func(_, theirs net.Conn) { theirs.Close() }, io.EOF},
		{"past the deadline", func(ours, _ net.Conn) { ours.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		{"closed by this side", func(ours, _ net.Conn) { reset(ours) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := plug(t)
			tt.end(ours, theirs)
			if _, err := ours.Read(make([]byte, 1)); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNobodyListensIsToldAsThat(t *testing.T) {
	eachFraming(t, func(t *testing.T, f api.Framing) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(t.Context(), Options{Target: "http://" + l.Addr().String(), Framing: f})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		l.Close()
		_, dialled := c.Dial(t.Context(), session.Handshake{Token: "good"}, nil)
		called := c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil)
		for what, err := range map[string]error{"dial": dialled, "call": called} {
			if err == nil || session.Kind(err) != session.KindNoListener {
				t.Errorf("%s: got %v, want kind %s", what, err, session.KindNoListener)
			}
		}
	})
}
