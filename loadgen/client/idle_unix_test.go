//go:build unix

package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/server/api"
)

// frugal serves just enough of the contract for a guest to be connected: a few
// goroutines' worth of memory in all, so that what is measured is the guests'.
func frugal(tb testing.TB) (target string) {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var open []int
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, bare(nc))
			go greet(nc, n)
		}
	}()
	tb.Cleanup(func() {
		l.Close()
		<-done
		for _, fd := range open {
			syscall.Close(fd)
		}
	})
	return "http://" + l.Addr().String()
}

// bare is a second descriptor of the connection, which costs the process four
// bytes and keeps the connection open when the first one is closed.
func bare(nc net.Conn) (fd int) {
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd, err = syscall.Dup(int(n)) })
	}
	if err != nil {
		return -1
	}
	return fd
}

// greet answers requests: with sessions, and with an upgrade and a greeting,
// after which it does not stay for the connection.
func greet(nc net.Conn, n int) {
	buf := make([]byte, 0, 2048)
	for {
		if len(buf) == cap(buf) {
			return
		}
		m, err := nc.Read(buf[len(buf):cap(buf)])
		if err != nil {
			nc.Close()
			return
		}
		buf = buf[:len(buf)+m]
		head := string(buf)
		if !strings.HasSuffix(head, "\r\n\r\n") && !strings.HasSuffix(head, "\r\n\r\n{}") {
			continue
		}
		buf = buf[:0]
		_, rest, upgrade := strings.Cut(head, "Sec-WebSocket-Key: ")
		if upgrade {
			key, _, _ := strings.Cut(rest, "\r\n")
			_, rest, _ := strings.Cut(head, "Bearer ")
			id, _, _ := strings.Cut(rest, ".") // see the token below
			text := `{"event":"connection:established","data":{"userId":"` + id + `"}}`
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
				acceptFor(key)+"\r\n\r\n"+string([]byte{0x81, byte(len(text))})+text)
			nc.Close()
			return
		}
		id := fmt.Sprintf("guest_%036d", n)
		token := id + "." + base64.StdEncoding.EncodeToString(make([]byte, 208)) // as long as the server's are
		body := fmt.Sprintf(`{"success":true,"data":{"token":%q,"user":{"id":%q,"sessionId":"%036d","username":"CoolPanda%d"}}}`, token, id, n, n)
		fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

// BenchmarkIdleGuest measures what a connected guest who waits costs the
// generator, witness and player included: heap and stack, in bytes, after a
// garbage collection. The sockets' buffers are the kernel's.
func BenchmarkIdleGuest(b *testing.B) {
	const guests = 2000
	c, err := New(b.Context(), Options{Target: frugal(b), Framing: api.JSON})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	counted := &counting{Client: c}
	world := session.NewWorld(session.Setting{
		Backend: counted, Clock: session.Clock{Epoch: time.Now()}, Verifier: verify.New(verify.Contract()),
		Scripts: []scenarios.Script{{Name: "lurker", Weight: 1, Steps: []scenarios.Step{
			{Kind: scenarios.Create}, {Kind: scenarios.Connect}, {Kind: scenarios.Idle, For: scenarios.Draw{A: 3600}},
		}}},
	})
	book := measure.NewBook(1)
	for b.Loop() {
		before := footprint()
		ctx, cancel := context.WithCancel(b.Context())
		var all sync.WaitGroup
		for i := range guests {
			all.Go(func() { world.Play(ctx, session.Guest{Index: i, Recorder: book.Recorder(0)}) })
			if i%50 == 49 {
				counted.wait(b, int64(i+1))
			}
		}
		heap, stack := footprint().since(before)
		b.ReportMetric(heap/guests, "heap-B/guest")
		b.ReportMetric(stack/guests, "stack-B/guest")
		b.ReportMetric((heap+stack)/guests, "B/guest")
		cancel()
		all.Wait()
		counted.dialled.Store(0)
	}
}

// counting counts the connections that were opened.
type counting struct {
	*Client
	dialled atomic.Int64
}

func (c *counting) Dial(ctx context.Context, h session.Handshake, welcome func(api.Value) error) (session.Conn, error) {
	conn, err := c.Client.Dial(ctx, h, welcome)
	if err == nil {
		c.dialled.Add(1)
	}
	return conn, err
}

// wait waits until so many guests are connected.
func (c *counting) wait(b *testing.B, n int64) {
	for deadline := time.Now().Add(10 * time.Second); c.dialled.Load() < n; runtime.Gosched() {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d guests are connected", c.dialled.Load(), n)
		}
	}
}

type memory struct{ heap, stack uint64 }

func footprint() memory {
	var m runtime.MemStats
	for range 4 { // stacks shrink by half a collection; pools empty in two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return memory{m.HeapAlloc, m.StackInuse}
}

func (m memory) since(before memory) (heap, stack float64) {
	return float64(m.heap) - float64(before.heap), float64(m.stack) - float64(before.stack)
}
