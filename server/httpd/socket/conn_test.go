package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pair returns both ends of a loopback connection.
func pair(t testing.TB, ln net.Listener) (server, client *net.TCPConn) {
	t.Helper()
	dialed := make(chan net.Conn, 1)
	go func() {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Error(err)
		}
		dialed <- c
	}()
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := <-dialed
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = c.Close(); _ = s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// lines is a Feed that is done with whole lines only.
func lines(out chan<- string) Feed {
	return func(p []byte) (done int) {
		for {
			i := bytes.IndexByte(p[done:], '\n')
			if i < 0 {
				return done
			}
			out <- string(p[done : done+i])
			done += i + 1
		}
	}
}

func serve(c *Conn, feed Feed) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(feed) }()
	return ended
}

func within[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10 s")
	}
	return v
}

// opaque hides the descriptor, so that plain reads are used.
type opaque struct{ net.Conn }

func TestServeFeedsWholeLinesHoweverTheyArrive(t *testing.T) {
	long := strings.Repeat("x", 3*readSize)
	for name, hide := range map[string]bool{"raw": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			server, client := pair(t, listen(t))
			var nc net.Conn = server
			if hide {
				nc = opaque{server}
			}
			got := make(chan string, 10)
			c := New(nc, []byte("ahead\nof "))
			ended := serve(c, lines(got))
			for _, part := range []string{"time\n", "one\ntwo\nth", "ree\n", long, "\n"} {
				if _, err := io.WriteString(client, part); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{"ahead", "of time", "one", "two", "three", long} {
				if line := within(t, got); line != want {
					t.Fatalf("got %.40q, want %.40q", line, want)
				}
			}
			_, _ = io.WriteString(client, "last\n")
			_ = client.Close() // the end comes together with the bytes
			if line := within(t, got); line != "last" {
				t.Fatalf("got %q", line)
			}
			if err := within(t, ended); err != io.EOF {
				t.Fatalf("ended with %v, want EOF", err)
			}
		})
	}
}

func TestFinishFromWithinFeedDeliversWhatWasWrittenLast(t *testing.T) {
	server, client := pair(t, listen(t))
	c := New(server, nil)
	ended := serve(c, func(p []byte) int {
		if _, err := c.TryWrite([]byte("goodbye")); err != nil {
			t.Error(err)
		}
		_ = c.Finish()
		return len(p)
	})
	// More than is read at once: the rest is unread when the server closes.
	_, _ = client.Write(bytes.Repeat([]byte("x"), 4*readSize))
	got, err := io.ReadAll(client)
	if err != nil || string(got) != "goodbye" {
		t.Fatalf("got %q, %v", got, err)
	}
	_ = client.Close()
	if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("ended with %v", err)
	}
}

func TestServeEndsAlthoughThePeerStays(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"closed":           func(c *Conn) { _ = c.Close(); _ = c.Close() },
		"finished":         func(c *Conn) { _ = c.Finish(); _ = c.Finish() },
		"finished, closed": func(c *Conn) { _ = c.Finish(); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := pair(t, listen(t))
			c := New(server, nil)
			ended := serve(c, func(p []byte) int { return len(p) })
			end(c)
			if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("ended with %v", err)
			}
		})
	}
}

func TestCloseFromWithinFeedEndsServe(t *testing.T) {
	server, client := pair(t, listen(t))
	c := New(server, nil)
	ended := serve(c, func(p []byte) int { _ = c.Close(); return len(p) })
	_, _ = client.Write([]byte("x"))
	if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("ended with %v", err)
	}
}

func TestInterjectNeverCutsAFrameInTwo(t *testing.T) {
	server, client := pair(t, listen(t))
	c := New(server, nil)
	ended := serve(c, func(p []byte) int { return len(p) })
	c.Interject([]byte("pong"))
	frame := bytes.Repeat([]byte("x"), 2<<20)
	n, err := c.TryWrite(frame)
	if err != nil || n == 0 || n == len(frame) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	c.Interject([]byte("pong")) // within a frame: left out
	wrote := make(chan error, 1)
	go func() { wrote <- c.Write(frame[n:], time.Now().Add(30*time.Second)) }()
	got := make([]byte, len("pong")+len(frame))
	if _, err := io.ReadFull(client, got); err != nil {
		t.Fatal(err)
	}
	if err := within(t, wrote); err != nil {
		t.Fatal(err)
	}
	c.Interject([]byte("PONG"))
	_ = c.Finish()
	rest, err := io.ReadAll(client)
	if err != nil || string(got[:4]) != "pong" || !bytes.Equal(got[4:], frame) || string(rest) != "PONG" {
		t.Fatalf("got %.8q … %q, %v", got, rest, err)
	}
	_ = client.Close()
	within(t, ended)
}

func TestTryWriteNeverWaitsForAReaderWhoDoesNotRead(t *testing.T) {
	server, client := pair(t, listen(t))
	c := New(server, nil)
	ended := serve(c, func(p []byte) int { return len(p) })
	_ = client.SetReadBuffer(4 << 10)
	chunk := bytes.Repeat([]byte("x"), 16<<10)
	total := 0
	for {
		n, err := c.TryWrite(chunk)
		if err != nil {
			t.Fatal(err)
		}
		total += n
		if n == 0 {
			break
		}
		if total > 64<<20 {
			t.Fatal("the kernel took 64 MB for a peer who does not read")
		}
	}
	if err := c.Write(chunk, time.Now().Add(20*time.Millisecond)); err == nil {
		t.Fatal("a write to a full connection succeeds")
	}
	_ = c.Finish() // the peer is known to be stuck: no lingering
	if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	t.Logf("%d bytes went into the kernel", total)
}

// The pooled connections of the HTTP server led writes after the end to whoever
// came next. Here the number of the descriptor is certain to be used again.
func TestAWriteAfterTheEndNeverReachesTheNextConnection(t *testing.T) {
	ln := listen(t)
	for range 200 {
		server, client := pair(t, ln)
		gone := New(server, nil)
		ended := serve(gone, func(p []byte) int { return len(p) })
		_ = client.Close()
		within(t, ended)

		server, client = pair(t, ln)
		next := New(server, nil)
		nextEnded := serve(next, func(p []byte) int { return len(p) })
		if n, err := gone.TryWrite([]byte("secret")); err == nil || n != 0 {
			t.Fatalf("TryWrite after the end: %d, %v", n, err)
		}
		if err := gone.Write([]byte("secret"), time.Now().Add(time.Second)); err == nil {
			t.Fatal("Write after the end succeeds")
		}
		_ = gone.Close()
		if _, err := next.TryWrite([]byte("mine")); err != nil {
			t.Fatal(err)
		}
		_ = next.Close()
		if got, err := io.ReadAll(client); err != nil || string(got) != "mine" {
			t.Fatalf("the next guest got %q, %v", got, err)
		}
		_ = client.Close()
		within(t, nextEnded)
	}
}

func TestWritersAndCloserRaceWithServe(t *testing.T) {
	ln := listen(t)
	for range 50 {
		server, client := pair(t, ln)
		c := New(server, nil)
		ended := serve(c, func(p []byte) int { return len(p) })
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			for {
				if _, err := c.TryWrite([]byte("x")); err != nil {
					return
				}
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		go func() { _, _ = client.Write([]byte("hello")) }()
		_ = c.Close()
		within(t, wrote)
		_ = client.Close()
		within(t, ended)
	}
}

func TestTryWriteAllocatesNothing(t *testing.T) {
	server, client := pair(t, listen(t))
	c := New(server, nil)
	ended := serve(c, func(p []byte) int { return len(p) })
	go func() { _, _ = io.Copy(io.Discard, client) }()
	word := []byte("x")
	allocs := testing.AllocsPerRun(500, func() { _, _ = c.TryWrite(word) })
	// Under the race detector a sync.Pool forgets on purpose, now and then.
	if allocs >= 1 && !raceDetector {
		t.Errorf("%v allocations a write", allocs)
	}
	_ = client.Close()
	within(t, ended)
}

// BenchmarkIdle reports what one idle connection holds in the server's heap and stacks;
// the client's end is held by the same process, and measured alone first.
func BenchmarkIdle(b *testing.B) {
	const count = 2000
	ln := listen(b)
	memory := func() (bytes uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	for b.Loop() {
		servers := make([]net.Conn, count)
		for i := range servers {
			servers[i], _ = pair(b, ln)
		}
		before := memory()
		for _, nc := range servers {
			c := New(nc, nil)
			go func() { _ = c.Serve(func(p []byte) int { return len(p) }) }()
		}
		for range 10 {
			runtime.Gosched()
		}
		b.ReportMetric(float64(memory()-before)/count, "bytes/socket")
		for _, nc := range servers {
			_ = nc.Close()
		}
	}
}
