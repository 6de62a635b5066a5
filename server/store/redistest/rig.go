package redistest

import (
	"errors"
	"strings"
	"testing"

	"guestload/server/redisproc"
)

// Rig is one Redis: a server, a cluster, or a master with a Sentinel.
type Rig struct {
	URL   string
	Nodes []*redisproc.Server // those that hold keys
}

// OnEach runs a test against a single server, plain and with TLS, a cluster, and a
// master that a Sentinel names, in parallel: most of the time a test waits.
func OnEach(t *testing.T, run func(*testing.T, Rig)) {
	t.Run("standalone", func(t *testing.T) { t.Parallel(); run(t, Single(t)) })
	t.Run("cluster", func(t *testing.T) { t.Parallel(); run(t, Sharded(t)) })
	t.Run("tls", func(t *testing.T) {
		t.Parallel()
		a := NewAuthority(t)
		with := a.For("127.0.0.1")
		s := StandaloneWith(t, redisproc.Config{Password: "sesame", TLS: &with})
		run(t, Rig{URL: s.TLSURL() + "?ca=" + a.CA(), Nodes: []*redisproc.Server{s}})
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		g := Group(t, redisproc.Config{Password: "sesame"}, "open")
		run(t, Rig{URL: g.URL(), Nodes: []*redisproc.Server{g.Master}})
	})
}

// Single starts one server.
func Single(tb testing.TB) Rig { return Only(Standalone(tb)) }

// Only is a rig of a server that runs.
func Only(s *redisproc.Server) Rig { return Rig{URL: s.URL(), Nodes: []*redisproc.Server{s}} }

// Sharded starts a cluster of three masters.
func Sharded(tb testing.TB) Rig {
	c := Cluster(tb, 3)
	return Rig{URL: c.URL(), Nodes: c.Nodes}
}

// Owner is the node that has a key.
func (r Rig) Owner(tb testing.TB, key string) *redisproc.Server {
	tb.Helper()
	for _, node := range r.Nodes {
		if _, err := node.Do("EXISTS", key); err == nil {
			return node
		}
	}
	tb.Fatalf("no node has %s", key)
	return nil
}

// Flush empties the database.
func (r Rig) Flush(tb testing.TB) {
	tb.Helper()
	for _, node := range r.Nodes {
		if _, err := node.Do("FLUSHALL"); err != nil {
			tb.Fatal(err)
		}
	}
}

// Do sends a command as another client would, to the node that has the key.
func (r Rig) Do(tb testing.TB, args ...string) any {
	tb.Helper()
	for _, node := range r.Nodes {
		reply, err := node.Do(args...)
		var moved redisproc.Error
		if errors.As(err, &moved) && strings.HasPrefix(string(moved), "MOVED") {
			continue
		}
		if err != nil {
			tb.Fatal(err)
		}
		return reply
	}
	tb.Fatalf("no node takes %q", args)
	return nil
}
