//go:build unix

package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childArgs is the variable of the environment that makes the test's binary the
// server, with these arguments.
const childArgs = "GUESTLOAD_TEST_SERVER_ARGS"

func TestMain(m *testing.M) {
	if args := os.Getenv(childArgs); args != "" {
		os.Exit(Run(context.Background(), strings.Fields(args), func(string) string { return "" }, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// launchWithFiles starts a server that may open so many files, in a process of
// its own. log is to be read when stop has returned.
func launchWithFiles(t *testing.T, files int, args string) (address string, log *bytes.Buffer, stop func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d && exec %q", files, os.Args[0]))
	cmd.Env = append(os.Environ(), childArgs+"=--listen 127.0.0.1:0 --exit-with-stdin "+args)
	log = new(bytes.Buffer)
	cmd.Stderr = log
	leash, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = leash.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, log)
		}
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "http://")
	if err != nil || !ok {
		t.Fatalf("the first line is %q (%v)", line, err)
	}
	return address, log, stop
}

// caller is a client with one connection, which it keeps.
type caller struct {
	conn net.Conn
	r    *bufio.Reader
}

func call(t *testing.T, address string) *caller {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &caller{conn, bufio.NewReader(conn)}
}

// try sends a request and returns the status and the body of its answer.
func (c *caller) try(request string) (status int, body string, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, "", err
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, "", fmt.Errorf("%.40q: %w", request, err)
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// ask does what try does, and must get an answer.
func (c *caller) ask(t *testing.T, request string) (status int, body string) {
	t.Helper()
	status, body, err := c.try(request)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

const (
	askHealth = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
	enterSIO  = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

// turnedAway reports whether a client was refused without an answer, since it was slow to
// send its request or too many were refused at that moment.
func turnedAway(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A client who comes when all files are taken is told so, unless it sends nothing for a
// moment or many come at a time. Those who were in before stay, as long as they ask for
// something now and then: idle connections are closed after 15 s while there is no place left.
func TestClientsBeyondTheFilesAreToldAndTheOthersStay(t *testing.T) {
	const files, clients = 120, 240
	address, log, stop := launchWithFiles(t, files, "--limits off")
	var in []*caller
	stay := func() {
		for i, c := range in {
			if status, _ := c.ask(t, askHealth); status != http.StatusOK {
				t.Fatalf("client %d, who was in before, gets %d", i, status)
			}
		}
	}
	refused, told := 0, 0
	asked := time.Now()
	for range clients {
		c := call(t, address)
		switch status, body, err := c.try(askHealth); {
		case turnedAway(err):
			refused++
		case err != nil:
			t.Fatal(err)
		case status == http.StatusOK:
			in = append(in, c)
		case status == http.StatusServiceUnavailable && strings.Contains(body, "Too many connections"):
			refused++
			told++
		default:
			t.Fatalf("answered %d %s", status, body)
		}
		if time.Since(asked) > time.Second {
			stay()
			asked = time.Now()
		}
	}
	if len(in) < files/2 || refused < clients-files || told == 0 {
		t.Errorf("%d clients are in and %d refused, %d of them told, of %d with %d files", len(in), refused, told, clients, files)
	}
	stay()
	for _, c := range in[:20] {
		_ = c.conn.Close()
	}
	// As soon as the server has seen that files are free again, others come in.
	for deadline := time.Now().Add(patience); ; {
		if status, _, err := call(t, address).try(askHealth); err == nil && status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody comes in after others have gone")
		}
	}
	stop()
	if n := strings.Count(log.String(), "cannot take connections"); n < 1 || n > 10 {
		t.Errorf("the log says %d times that it is full:\n%s", n, log)
	}
}

// stays reports whether the server, which has switched protocols, greets the
// socket; otherwise it closes it.
func (c *caller) stays(t *testing.T) bool {
	t.Helper()
	const text, closes = 0x81, 0x88 // the first byte of a frame
	switch first, err := c.r.ReadByte(); {
	case err != nil && !errors.Is(err, io.EOF):
		t.Fatal(err)
	case err == nil && first == text:
		return true
	case err == nil && first != closes:
		t.Fatalf("the first frame begins with %#x", first)
	}
	return false
}

func TestSocketsLeaveFilesForRequests(t *testing.T) {
	const files, clients = 200, 250
	address, _, _ := launchWithFiles(t, files, "--limits off")
	in, refused := 0, 0
	for range clients {
		c := call(t, address)
		switch status, body, err := c.try(enterSIO); {
		case turnedAway(err):
			refused++
		case err != nil:
			t.Fatal(err)
		case status == http.StatusSwitchingProtocols && c.stays(t):
			in++
		case status == http.StatusSwitchingProtocols: // the last place went while it was let in
			refused++
			_ = c.conn.Close()
		case status == http.StatusServiceUnavailable && strings.Contains(body, "Too many connections"):
			refused++
			_ = c.conn.Close()
		default:
			t.Fatalf("answered %d %s", status, body)
		}
	}
	if want := files - files/4; in != want || refused != clients-want {
		t.Errorf("%d sockets and %d refused, want %d and %d", in, refused, want, clients-want)
	}
	if status, _ := call(t, address).ask(t, askHealth); status != http.StatusOK {
		t.Errorf("with all sockets taken, a request is answered %d", status)
	}
}

// silent opens connections from one address of this machine and sends nothing.
func silent(t *testing.T, address, from string, count int) {
	t.Helper()
	dial := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	for range count {
		conn, err := dial.Dial("tcp", address)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		} else if !errors.Is(err, syscall.ECONNRESET) { // refused without an answer
			t.Fatal(err)
		}
	}
}

func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		from []string
	}{
		"of one address":                 {"", []string{"127.0.0.9"}},
		"of four addresses":              {"", []string{"127.0.0.9", "127.0.0.10", "127.0.0.11", "127.0.0.12"}},
		"of one address, without limits": {"--limits off", []string{"127.0.0.9"}},
	} {
		t.Run(name, func(t *testing.T) {
			const files, connections = 200, 260
			address, log, stop := launchWithFiles(t, files, c.args)
			for _, from := range c.from {
				silent(t, address, from, connections/len(c.from)+10)
			}
			for deadline := time.Now().Add(patience); ; {
				resp, err := browser.Get("http://" + address + "/health")
				if err == nil {
					_ = resp.Body.Close()
					if resp.StatusCode == http.StatusOK {
						break
					}
				} // else it was refused without an answer, as too many were refused at that moment
				if time.Now().After(deadline) {
					t.Fatalf("nobody else is served: %v, %v", resp, err)
				}
			}
			stop()
			if n := strings.Count(log.String(), "refused") + strings.Count(log.String(), "cannot take"); n < 1 || n > 10 {
				t.Errorf("the log tells %d times:\n%s", n, log)
			}
		})
	}
}
