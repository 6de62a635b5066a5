// Package redistest lends tests and benchmarks a real Redis: a redis-server
// process, or a cluster of them, that ends with the test. A test fails where
// redis-server is not installed; it is never skipped.
package redistest

import (
	"io"
	"testing"

	"guestload/server/redisproc"
)

// Standalone starts one server for the length of a test.
func Standalone(tb testing.TB) *redisproc.Server {
	tb.Helper()
	return StandaloneWith(tb, redisproc.Config{})
}

// StandaloneWith starts one server as config says.
func StandaloneWith(tb testing.TB, config redisproc.Config) *redisproc.Server {
	tb.Helper()
	s, err := redisproc.Start(tb.Context(), config)
	return kept(tb, s, err)
}

// Cluster starts n masters for the length of a test.
func Cluster(tb testing.TB, n int) *Shards {
	tb.Helper()
	return ClusterWith(tb, n, redisproc.Config{})
}

// ClusterWith starts n masters as config says.
func ClusterWith(tb testing.TB, n int, config redisproc.Config) *Shards {
	tb.Helper()
	c, err := startCluster(tb.Context(), n, config)
	return kept(tb, c, err)
}

// Group starts a master, a replica and a Sentinel for the length of a test. own is the
// Sentinel's own password, "" for none.
func Group(tb testing.TB, config redisproc.Config, own string) *Sentinel {
	tb.Helper()
	g, err := startSentinel(tb.Context(), config, own)
	return kept(tb, g, err)
}

// kept is what was started, and is closed with the test.
func kept[C io.Closer](tb testing.TB, started C, err error) C {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := started.Close(); err != nil {
			tb.Error(err)
		}
	})
	return started
}

// Monitor collects the commands that a server runs during a test.
func Monitor(tb testing.TB, s *redisproc.Server) *redisproc.Monitor {
	tb.Helper()
	m, err := s.Monitor()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	return m
}
