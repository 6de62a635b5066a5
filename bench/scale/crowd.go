package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// patience is how long a guest of the crowd waits for an answer.
const patience = 30 * time.Second

// doors is how many guests come in at the same time.
const doors = 16

var mask = [4]byte{1, 2, 3, 4}

// Crowd holds connections to one server and reads what comes, as cheaply as is
// easy: what it spends itself is of no interest.
type Crowd struct {
	address string // host:port
	strange bool   // the server knows no sessions: any path upgrades
	readers sync.WaitGroup

	mu struct {
		sync.Mutex
		guests []*Guest
	}
}

// Guest is one of the crowd, connected.
type Guest struct {
	conn net.Conn
	hear func(payload []byte) // nil: nobody cares
}

// NewCrowd is of a server at host:port. bare says that it knows no sessions.
func NewCrowd(address string, bare bool) *Crowd { return &Crowd{address: address, strange: bare} }

// Size is how many have come.
func (c *Crowd) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.guests)
}

// Grow lets guests come until there are so many. hear gets what they hear; it may
// be nil.
func (c *Crowd) Grow(ctx context.Context, size int, hear func(payload []byte)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	due := make(chan struct{})
	var coming sync.WaitGroup
	for range doors {
		coming.Go(func() {
			d := &door{crowd: c}
			defer d.close()
			for range due {
				if _, err := d.admit(hear); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	for n := c.Size(); n < size && ctx.Err() == nil; n++ {
		select {
		case due <- struct{}{}:
		case <-ctx.Done():
		}
	}
	close(due)
	coming.Wait()
	return context.Cause(ctx)
}

// Add connects one more guest; hear gets each payload that it receives.
func (c *Crowd) Add(hear func(payload []byte)) (*Guest, error) {
	d := &door{crowd: c}
	defer d.close()
	return d.admit(hear)
}

// Leave ends all connections and returns when nothing is read any more.
func (c *Crowd) Leave() {
	c.mu.Lock()
	for _, g := range c.mu.guests {
		if tcp, ok := g.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // no port is kept for what is over
		}
		_ = g.conn.Close()
	}
	c.mu.Unlock()
	c.readers.Wait()
}

// Say sends one event.
func (g *Guest) Say(event string, data []byte) error {
	_, err := g.conn.Write(api.AppendMaskedEventFrame(nil, api.JSON, mask, event, data))
	return err
}

// door lets one guest in after the other, with one HTTP connection.
type door struct {
	crowd *Crowd
	http  net.Conn
}

func (d *door) close() {
	if d.http != nil {
		_ = d.http.Close()
	}
}

func (d *door) admit(hear func([]byte)) (*Guest, error) {
	token := ""
	if !d.crowd.strange {
		var err error
		if token, err = d.create(); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	conn, ahead, err := Connect(d.crowd.address, token)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	g := &Guest{conn: conn, hear: hear}
	d.crowd.mu.Lock()
	d.crowd.mu.guests = append(d.crowd.mu.guests, g)
	d.crowd.mu.Unlock()
	d.crowd.readers.Go(func() { g.read(ahead) })
	return g, nil
}

// Create makes a session over an HTTP connection and returns its token.
func Create(conn net.Conn) (token string, err error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "POST /api/guest HTTP/1.1\r\nHost: scale\r\nContent-Length: 0\r\n\r\n"); err != nil {
		return "", err
	}
	head, body, err := answer(conn)
	if err != nil {
		return "", err
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 201")) {
		return "", fmt.Errorf("answered %.200q", head)
	}
	_, after, _ := bytes.Cut(body, []byte(`"token":"`))
	found, _, ok := bytes.Cut(after, []byte(`"`))
	if !ok {
		return "", errors.New("no token in the answer")
	}
	return string(found), nil
}

func (d *door) create() (token string, err error) {
	if d.http == nil {
		if d.http, err = net.DialTimeout("tcp", d.crowd.address, patience); err != nil {
			return "", err
		}
	}
	return Create(d.http)
}

// answer reads a whole answer to a request.
func answer(conn net.Conn) (head, body []byte, err error) {
	var got []byte
	buf := make([]byte, 4<<10)
	for {
		if head, body, ok := bytes.Cut(got, []byte("\r\n\r\n")); ok {
			_, after, _ := bytes.Cut(head, []byte("Content-Length: "))
			digits, _, _ := bytes.Cut(after, []byte("\r\n"))
			length, err := strconv.Atoi(string(digits))
			if len(digits) == 0 {
				length, err = 0, nil // 101 has none
			}
			if err != nil || len(body) >= length {
				return head, body, err
			}
		}
		n, err := conn.Read(buf)
		if err != nil {
			return nil, nil, err
		}
		got = append(got, buf[:n]...)
	}
}

// Connect opens a socket with a token, "" for none, and returns what came with
// the answer. A refusal is an error that says what was answered.
func Connect(address, token string) (conn net.Conn, ahead []byte, err error) {
	conn, err = net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, nil, err
	}
	if _, err := io.WriteString(conn, "GET "+api.PathJSON+" HTTP/1.1\r\nHost: scale\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
		return nil, nil, err
	}
	head, ahead, err := answer(conn)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		return nil, nil, fmt.Errorf("answered %.200q", head)
	}
	return conn, ahead, conn.SetDeadline(time.Time{})
}

// large are buffers for what an idle guest has no room for, such as statistics.
var large = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// read takes what comes until the connection ends, and answers pings.
func (g *Guest) read(ahead []byte) {
	var lent *[64 << 10]byte
	small := make([]byte, 0, 512)
	held := append(small, ahead...)
	for {
		done := 0
		for {
			f, n, err := frame.Parse(held[done:], frame.Client, 64<<10)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			switch {
			case f.Op == frame.Ping:
				_, _ = g.conn.Write(frame.AppendMasked(nil, frame.Pong, mask, f.Payload)) // where it fails, the next read says so
			case g.hear != nil:
				g.hear(f.Payload)
			}
			done += n
		}
		held = held[:copy(held, held[done:])]
		switch {
		case len(held) == cap(held) && lent == nil:
			lent = large.Get().(*[64 << 10]byte)
			held = append(lent[:0], held...)
		case len(held) == 0 && lent != nil:
			large.Put(lent)
			lent, held = nil, small[:0]
		}
		n, err := g.conn.Read(held[len(held):cap(held)])
		if err != nil {
			return
		}
		held = held[:len(held)+n]
	}
}
