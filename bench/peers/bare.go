package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

const (
	// said is how many messages each guest says.
	said = 5
	// patience is how long a bare guest waits before it calls its session failed.
	patience = 30 * time.Second
)

// text is what each message says: 64 bytes.
const text = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var mask = [4]byte{1, 2, 3, 4}

// Bare plays sessions for a while, so many guests at a time, and returns how
// many were played: create, connect, search, messages both ways, drop. It is the
// floor of what a Go program that does so can cost: nothing is scheduled,
// measured or verified, and only the names of events are read.
func Bare(ctx context.Context, target string, guests int, length time.Duration) (sessions int, err error) {
	address, ok := strings.CutPrefix(target, "http://")
	if !ok {
		return 0, fmt.Errorf("target %q: want http://host:port", target)
	}
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var played atomic.Int64
	failed := make(chan error, guests)
	var all sync.WaitGroup
	for range guests {
		all.Go(func() {
			b := &bare{address: address, buffer: make([]byte, 4<<10)}
			defer b.end()
			for ctx.Err() == nil {
				if err := b.session(ctx); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
				played.Add(1)
			}
		})
	}
	all.Wait()
	close(failed)
	return int(played.Load()), <-failed
}

// bare is one guest after the other.
type bare struct {
	address string
	http    net.Conn // kept from guest to guest
	ws      net.Conn
	buffer  []byte
	r, w    int // unread: buffer[r:w]
	out     []byte
}

func (b *bare) end() {
	for _, c := range []net.Conn{b.http, b.ws} {
		if c != nil {
			c.Close()
		}
	}
}

func (b *bare) session(ctx context.Context) error {
	token, err := b.create()
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := b.connect(token); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { b.ws.SetDeadline(time.Now()) }) // who searches alone at the end
	defer stop()
	if err := b.chat(); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return nil
}

func (b *bare) create() (token string, err error) {
	if b.http == nil {
		if b.http, err = net.Dial("tcp", b.address); err != nil {
			return "", err
		}
	}
	if err := b.http.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	b.r, b.w = 0, 0
	if _, err := io.WriteString(b.http, "POST /api/guest HTTP/1.1\r\nHost: "+b.address+"\r\nContent-Length: 0\r\n\r\n"); err != nil {
		return "", err
	}
	head, err := b.head(b.http, "HTTP/1.1 201")
	if err != nil {
		return "", err
	}
	_, after, _ := bytes.Cut(head, []byte("Content-Length: "))
	digits, _, _ := bytes.Cut(after, []byte("\r\n"))
	length, err := strconv.Atoi(string(digits))
	if err != nil {
		return "", fmt.Errorf("no Content-Length in %q", head)
	}
	for b.w-b.r < length {
		if err := b.more(b.http); err != nil {
			return "", err
		}
	}
	_, after, _ = bytes.Cut(b.buffer[b.r:b.w], []byte(`"token":"`))
	found, _, ok := bytes.Cut(after, []byte(`"`))
	if !ok {
		return "", errors.New("no token in the answer")
	}
	return string(found), nil
}

func (b *bare) connect(token string) (err error) {
	if b.ws, err = net.Dial("tcp", b.address); err != nil {
		return err
	}
	if err := b.ws.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	b.r, b.w = 0, 0
	if _, err := io.WriteString(b.ws, "GET "+api.PathJSON+" HTTP/1.1\r\nHost: "+b.address+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
		return err
	}
	_, err = b.head(b.ws, "HTTP/1.1 101")
	return err
}

// chat searches, talks, leaves and drops.
func (b *bare) chat() error {
	if err := b.until(api.EventEstablished); err != nil {
		return err
	}
	if err := b.send(api.EventMatch, nil); err != nil {
		return err
	}
	if err := b.until(api.EventMatched); err != nil {
		return err
	}
	message := api.AppendText(nil, text)
	for range said {
		if err := b.send(api.EventChatMessage, message); err != nil {
			return err
		}
	}
	for acked, heard, alone := 0, 0, false; acked < said || heard < said; {
		event, err := b.event()
		switch {
		case err != nil:
			return err
		case string(event) == api.EventMessageSent:
			acked++
		case string(event) == api.EventChatMessage:
			heard++
		case string(event) == api.EventChatCleared, string(event) == api.EventRoomClosed:
			alone = true
		}
		if alone {
			return b.drop()
		}
	}
	if err := b.send(api.EventChatClear, nil); err != nil {
		return err
	}
	for {
		event, err := b.event()
		if err != nil {
			return err
		}
		if s := string(event); s == api.EventClearConfirmed || s == api.EventChatCleared || s == api.EventRoomClosed {
			return b.drop()
		}
	}
}

// drop says goodbye, waits for the answer and resets, as the generator does.
func (b *bare) drop() error {
	b.out = frame.AppendMaskedClose(b.out[:0], mask, frame.Normal, "")
	if _, err := b.ws.Write(b.out); err != nil {
		return err
	}
	for {
		f, err := b.frame()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || f.Op == frame.Close {
			b.ws.(*net.TCPConn).SetLinger(0)
			return b.ws.Close()
		}
	}
}

func (b *bare) send(event string, data []byte) error {
	b.out = api.AppendMaskedEventFrame(b.out[:0], api.JSON, mask, event, data)
	_, err := b.ws.Write(b.out)
	return err
}

func (b *bare) until(want string) error {
	for {
		event, err := b.event()
		if err != nil || string(event) == want {
			return err
		}
	}
}

// event returns the name of the next event.
func (b *bare) event() ([]byte, error) {
	f, err := b.frame()
	if err != nil {
		return nil, err
	}
	_, after, _ := bytes.Cut(f.Payload, []byte(`"event":"`))
	name, _, ok := bytes.Cut(after, []byte(`"`))
	if !ok {
		return nil, fmt.Errorf("no event in %q", f.Payload)
	}
	return name, nil
}

func (b *bare) frame() (frame.Frame, error) {
	for {
		f, n, err := frame.Parse(b.buffer[b.r:b.w], frame.Client, 1<<20)
		if err != nil || n > 0 {
			b.r += n
			return f, err
		}
		if err := b.more(b.ws); err != nil {
			return f, err
		}
	}
}

// head takes the head of an answer with the status that is wanted.
func (b *bare) head(from net.Conn, want string) ([]byte, error) {
	for {
		head, _, whole := bytes.Cut(b.buffer[b.r:b.w], []byte("\r\n\r\n"))
		if whole && !bytes.HasPrefix(head, []byte(want)) {
			return nil, fmt.Errorf("answered %q", head)
		}
		if whole {
			b.r += len(head) + 4
			return b.buffer[b.r-len(head)-4 : b.r-2], nil // its last line ended, too
		}
		if err := b.more(from); err != nil {
			return nil, err
		}
	}
}

// more reads what has come.
func (b *bare) more(from net.Conn) error {
	if b.r > 0 {
		b.w = copy(b.buffer, b.buffer[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.buffer) {
		b.buffer = append(b.buffer, make([]byte, len(b.buffer))...)
	}
	n, err := from.Read(b.buffer[b.w:])
	b.w += n
	return err
}
