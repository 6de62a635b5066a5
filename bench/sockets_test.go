package main

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/auth"
	"guestload/server/realtime"
)

// pairs are how many chats go on at once.
const pairs = 8

// chat is two guests who talk, as clients: what the first says reaches the
// second, and the first is told so.
type chat struct{ first, second *line }

// shortText is a message of 64 bytes.
var shortText = strings.Repeat("abcdefgh", 8)

// BenchmarkSocket is one chat message of 64 bytes over real sockets, in and out.
// cpu-ns/op is the server's alone; x/floor compares it with a loop that reads a
// frame and writes ready-made ones of the same sizes. Goals: at most 1.35, no
// allocation, one goroutine a guest.
func BenchmarkSocket(b *testing.B) {
	address, k, tokens := serve(b)
	var chats [pairs]chat
	const early = pairs / 2 // who comes first starts what all share
	var before int
	for i := range chats {
		if i == early {
			before = runtime.NumGoroutine()
		}
		chats[i] = meet(b, address, k.node, tokens)
	}
	goroutines := float64(runtime.NumGoroutine()-before) / (2 * (pairs - early))
	message := api.AppendMaskedEventFrame(nil, api.JSON, [4]byte{1, 2, 3, 4}, api.EventChatMessage, api.AppendText(nil, shortText))
	told, receipts := overhear(b, chats[0], message)
	bare := bareLoop(b, told, receipts)
	var floors [pairs]chat
	for i := range floors {
		floors[i] = chat{second: dial(b, bare)}
		floors[i].second.await(b, 'x')
		floors[i].first = dial(b, bare)
		floors[i].first.await(b, 'x')
	}
	versus(b, talk(b, chats[:], message), talk(b, floors[:], message))
	b.ReportMetric(goroutines, "goroutines/guest")
}

// talk says one message in each chat, and returns what takes the oldest and says another.
func talk(b *testing.B, chats []chat, message []byte) func() error {
	b.Helper()
	for _, c := range chats {
		if err := c.first.send(message); err != nil {
			b.Fatal(err)
		}
	}
	next := 0
	return func() error {
		c := chats[next]
		next = (next + 1) % len(chats)
		if err := errors.Join(c.second.frames(1, nil), c.first.frames(2, nil)); err != nil {
			return err
		}
		return c.first.send(message)
	}
}

// frames takes so many frames that are not statistics, which come when they like.
func (l *line) frames(n int, keep *[]byte) error {
	for n > 0 {
		f, size, err := frame.Parse(l.got, frame.Client, 1<<20)
		if err != nil {
			return err
		}
		if size == 0 {
			if err := l.more(); err != nil {
				return err
			}
			continue
		}
		if !bytes.HasPrefix(f.Payload, []byte(`{"event":"`+api.EventStats)) {
			n--
			if keep != nil {
				*keep = append(*keep, l.got[:size]...)
			}
		}
		l.got = l.got[:copy(l.got, l.got[size:])]
	}
	return nil
}

// await takes one byte that must be c.
func (l *line) await(tb testing.TB, c byte) {
	tb.Helper()
	if err := l.more(); err != nil {
		tb.Fatal(err)
	}
	if l.got[0] != c {
		tb.Fatalf("heard %q, want %q", l.got, c)
	}
	l.got = l.got[:copy(l.got, l.got[1:])]
}

// meet connects two guests and lets them find each other.
func meet(tb testing.TB, address string, n *realtime.Node, tokens *auth.Issuer) (c chat) {
	tb.Helper()
	for i, l := range []**line{&c.first, &c.second} {
		s, err := n.Create(tb.Context(), someProfile)
		if err != nil {
			tb.Fatal(err)
		}
		*l = dial(tb, address)
		hello := "GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " + tokens.Issue(s) + "\r\n\r\n"
		if err := (*l).send([]byte(hello)); err != nil {
			tb.Fatal(err)
		}
		for !bytes.Contains((*l).got, []byte("\r\n\r\n")) {
			if err := (*l).more(); err != nil {
				tb.Fatal(err)
			}
		}
		_, rest, _ := bytes.Cut((*l).got, []byte("\r\n\r\n"))
		(*l).got = (*l).got[:copy((*l).got, rest)]
		search := api.AppendMaskedEventFrame(nil, api.JSON, [4]byte{}, api.EventMatch, nil)
		heard := 1 // searching
		if i == 0 {
			heard = 2 // and that nobody is there: only then the other comes
		}
		if err := errors.Join((*l).frames(1, nil), (*l).send(search), (*l).frames(heard, nil)); err != nil {
			tb.Fatal(err)
		}
	}
	// Both hear that they met, and who joined.
	if err := errors.Join(c.first.frames(3, nil), c.second.frames(3, nil)); err != nil {
		tb.Fatal(err)
	}
	return c
}

// overhear returns what a message makes the server write to either side.
func overhear(b *testing.B, c chat, message []byte) (told, receipts []byte) {
	b.Helper()
	if err := errors.Join(c.first.send(message), c.second.frames(1, &told), c.first.frames(2, &receipts)); err != nil {
		b.Fatal(err)
	}
	return told, receipts
}

// bareLoop listens for pairs of connections: of each frame that comes from the
// second of them, the first gets told and the second receipts. Nothing is parsed
// but the frame. It greets each with a byte, so that they come in order.
func bareLoop(b *testing.B, told, receipts []byte) (address string) {
	b.Helper()
	ln := listen(b)
	var loops sync.WaitGroup
	loops.Go(func() {
		for {
			second, err := ln.Accept()
			if err != nil {
				return // closed
			}
			_, _ = second.Write([]byte("x"))
			first, err := ln.Accept()
			if err != nil {
				_ = second.Close()
				return
			}
			_, _ = first.Write([]byte("x"))
			loops.Go(func() { relay(first, second, told, receipts) })
		}
	})
	b.Cleanup(func() {
		_ = ln.Close()
		loops.Wait()
	})
	return ln.Addr().String()
}

func relay(from, to net.Conn, told, receipts []byte) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 4096)
	held := 0
	for {
		n, err := from.Read(buf[held:])
		if err != nil {
			return
		}
		held += n
		_, size, err := frame.Parse(buf[:held], frame.Server, len(buf))
		if err != nil {
			return
		}
		if size == 0 {
			continue
		}
		held = copy(buf, buf[size:held])
		if _, err := to.Write(told); err != nil {
			return
		}
		if _, err := from.Write(receipts); err != nil {
			return
		}
	}
}
