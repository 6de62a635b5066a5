package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy passes connections on to a server, and keeps what both sides say.
type proxy struct {
	listener net.Listener
	target   string // host:port
	running  sync.WaitGroup
	mu       struct {
		sync.Mutex
		open  []net.Conn
		calls []*call
	}
}

// call is one connection: what the client sent, and what it received.
type call struct{ sent, received bytes.Buffer }

func startProxy(t *testing.T, url string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: ln, target: strings.TrimPrefix(url, "http://")}
	p.running.Go(p.accept)
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		c := &call{}
		p.mu.Lock()
		p.mu.open = append(p.mu.open, client, server)
		p.mu.calls = append(p.mu.calls, c)
		p.mu.Unlock()
		p.running.Go(func() { pass(server, client, &c.sent) })
		p.running.Go(func() { pass(client, server, &c.received) })
	}
}

// pass copies one direction until it ends, and then ends both.
func pass(to, from net.Conn, kept *bytes.Buffer) {
	io.Copy(to, io.TeeReader(from, kept)) // an end is an end, whatever its cause
	to.Close()
	from.Close()
}

// stop ends all connections and returns what was said on them.
func (p *proxy) stop() []*call {
	p.listener.Close()
	p.mu.Lock()
	for _, c := range p.mu.open {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return p.mu.calls
}
