package httpd_test

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"guestload/server/httpd"
	"guestload/server/httpd/limit"
)

// clientFolder holds the official Socket.IO client: `npm ci` there, which this
// test does where nobody has.
const clientFolder = "testdata/client"

func installClient(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(clientFolder, "node_modules", ".package-lock.json")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		install.Dir = clientFolder
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
}

func TestTheOfficialClientWorksUnmodified(t *testing.T) {
	installClient(t)
	b := start(t)
	p := b.create(t, "")
	claims := func(change map[string]any) string {
		c := jwt.MapClaims{
			"userId": p.id, "sessionId": p.sessionID, "username": p.username, "isGuest": true,
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "iss": "realtime-chat-app", "aud": "realtime-chat-users",
		}
		for k, v := range change {
			c[k] = v
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, transports := range []string{"websocket", "websocket,polling", "polling,websocket"} {
		t.Run(transports, func(t *testing.T) {
			play := exec.CommandContext(t.Context(), "node", "play.js", b.url, transports)
			play.Dir = clientFolder
			play.Env = append(os.Environ(),
				"EXPIRED="+claims(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
				"NO_GUEST="+claims(map[string]any{"isGuest": false}))
			out, err := play.CombinedOutput()
			if err != nil || !bytes.Equal(out, []byte("passed\n")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestTheOfficialClientComesBackByItself restarts the server under an official
// client, provokes it in every way that closes the transport, and at last takes
// its session over and deletes it: only those two end it for good.
func TestTheOfficialClientComesBackByItself(t *testing.T) {
	installClient(t)
	limited := func(c *httpd.Config) { c.Limits.Events = limit.Rule{Max: 20, Per: time.Second} }
	for _, transports := range []string{"websocket", "polling,websocket"} {
		t.Run(transports, func(t *testing.T) {
			b := start(t, limited)
			play := exec.CommandContext(t.Context(), "node", "reconnect.js", b.url, transports)
			play.Dir = clientFolder
			var errs bytes.Buffer
			play.Stderr = &errs
			out, err := play.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := play.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			if !lines.Scan() || lines.Text() != "restart" {
				t.Errorf("the client says %q first", lines.Text())
			}
			b.stop()
			ln, err := net.Listen("tcp", b.addr)
			if err != nil {
				t.Fatal(err)
			}
			startWith(t, ln, b.memory, limited)
			if !lines.Scan() || lines.Text() != "passed" {
				t.Errorf("the client says %q last", lines.Text())
			}
			if err := play.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &errs)
			}
		})
	}
}
