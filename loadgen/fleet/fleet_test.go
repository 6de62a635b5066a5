package fleet

import (
	"strings"
	"testing"
	"time"

	"guestload/server/app"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

func open(url string) (Redis, error) { return app.NewRedis(url) }

func TestTheMeterCountsOverRestarts(t *testing.T) {
	server := redistest.Standalone(t)
	do := func(n int, args ...string) {
		t.Helper()
		for range n {
			if _, err := server.Do(args...); err != nil {
				t.Fatal(err)
			}
		}
	}
	do(50, "SET", "before", "1")
	m, err := newMeter(t.Context(), server.URL(), open)
	if err != nil {
		t.Fatal(err)
	}
	do(20, "SET", "a", "1")
	do(5, "EVAL", "redis.call('GET', 'a') redis.call('GET', 'a') return 1", "0")
	do(3, "PING")
	m.look(t.Context())
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(7, "SET", "a", "1")
	// The connection has to find out first.
	for range 100 {
		if m.look(t.Context()); len(m.mu.nodes) == 2 {
			break
		}
	}
	m.stop(t.Context())
	m.close(t.Context())
	u := m.usage()
	// What connecting takes is counted, too: a few commands each time.
	if u.CommandsPerSession < 20+15+7 || u.CommandsPerSession > 20+15+7+40 || u.ScriptsPerSession != 5 {
		t.Errorf("%.0f commands and %.0f scripts, want a few more than 42, and 5", u.CommandsPerSession, u.ScriptsPerSession)
	}
	if u.CPUSec <= 0 || u.CPUSec > 10 || u.RSSPeakMB < 1 || u.RSSPeakMB > 500 {
		t.Errorf("usage %+v", u)
	}
}

func TestTheMeterAddsUpACluster(t *testing.T) {
	cluster := redistest.Cluster(t, 3)
	m, err := newMeter(t.Context(), cluster.URL(), open)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range cluster.Nodes {
		for range 10 {
			if _, err := node.Do("TIME"); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.stop(t.Context())
	m.close(t.Context())
	if u := m.usage(); len(m.mu.nodes) != 3 || u.CommandsPerSession < 30 {
		t.Errorf("%d nodes, %+v", len(m.mu.nodes), u)
	}
}

func TestThePasswordIsInNoError(t *testing.T) {
	server := redistest.StandaloneWith(t, redisproc.Config{Password: "s3cret-word"})
	for _, url := range []string{
		strings.Replace(server.URL(), "redis:", "redos:", 1),
		strings.Replace(server.URL(), "s3cret-word@", "s3cret-word@:", 1),
		server.URL() + "/none",
	} {
		_, err := Start(t.Context(), Config{Command: []string{"/bin/false"}, Instances: 1, Redis: url, Dir: t.TempDir(), OpenRedis: open})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %v", err)
		}
	}
}

// What a server says in place of its address ends the start at once, however much that is.
func TestAServerThatSaysSomethingElseIsAnError(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"a line":               {"echo hello; exec sleep 60", `its first line names no address such as http://127.0.0.1:8080: "hello\n"`},
		"a line without end":   {"exec tr '\\0' x < /dev/zero", "its first line names no address such as http://127.0.0.1:8080: \"xxx"},
		"half an address":      {"echo 'listening at http://'; exec sleep 60", `"listening at http://\n"`},
		"an address of no use": {"echo 'http://127.0.0.1:port'; exec sleep 60", `"http://127.0.0.1:port\n"`},
		"nothing":              {"exec >&-; exec sleep 60", "it did not start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := Start(t.Context(), Config{Command: []string{"sh", "-c", tt.script}, Instances: 1, Dir: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if took := time.Since(begin); took >= startTime {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestANumberOfServersThatEndAtOnceIsAnError(t *testing.T) {
	_, err := Start(t.Context(), Config{Command: []string{"/bin/false"}, Instances: 2, Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("error %v", err)
	}
}
