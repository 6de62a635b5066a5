package httpd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// clientFolder holds the official Socket.IO client: `npm ci` there, which this
// test does where nobody has.
const clientFolder = "testdata/client"

func TestTheOfficialClientWorksUnmodified(t *testing.T) {
	if _, err := os.Stat(filepath.Join(clientFolder, "node_modules", ".package-lock.json")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		install.Dir = clientFolder
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
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
