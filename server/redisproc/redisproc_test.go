package redisproc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

func TestServerComesBackEmptyOnItsPort(t *testing.T) {
	s := redistest.Standalone(t)
	addr := s.Addr()
	if _, err := s.Do("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if s.PID() != 0 {
		t.Error("a killed server still has a process id")
	}
	if _, err := s.Do("PING"); err == nil {
		t.Fatal("a killed server answers")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("restarted on %s, want %s", s.Addr(), addr)
	}
	if v, err := s.Do("GET", "k"); err != nil || v != nil {
		t.Errorf("GET after restart = %v, %v, want nil", v, err)
	}
}

func TestFrozenServerKeepsConnectionsAndIsSilent(t *testing.T) {
	s := redistest.Standalone(t)
	c, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { _, err := c.Do("PING"); answer <- err }()
	select {
	case err := <-answer:
		t.Fatalf("a frozen server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("after thawing: %v", err)
	}
}

func TestPasswordIsAskedFor(t *testing.T) {
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame"})
	if _, err := s.Do("PING"); err != nil {
		t.Errorf("with the password: %v", err)
	}
	if _, err := redisproc.Dial(s.Addr(), "wrong"); err == nil {
		t.Error("a wrong password was accepted")
	}
	if want := "redis://:sesame@" + s.Addr(); s.URL() != want {
		t.Errorf("URL = %q, want %q", s.URL(), want)
	}
}

func TestMonitorAndStatisticsTellCommands(t *testing.T) {
	s := redistest.Standalone(t)
	m := redistest.Monitor(t, s)
	if err := s.ResetStats(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do("EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "k"); err != nil {
		t.Fatal(err)
	}
	counts, err := s.Commands()
	if err != nil || counts["eval"] != 1 || counts["set"] != 1 {
		t.Errorf("counts = %v, %v, want one eval and one set", counts, err)
	}
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(strings.Join(m.Lines(), "\n"), `lua] "SET" "k" "1"`) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("monitor saw %q", m.Lines())
		}
	}
	if cpu, err := s.CPU(); err != nil || cpu <= 0 {
		t.Errorf("CPU = %v, %v", cpu, err)
	}
}

func TestClusterSharesTheSlots(t *testing.T) {
	c := redistest.Cluster(t, 3)
	moved := 0
	for _, node := range c.Nodes {
		_, err := node.Do("GET", "some key")
		var reply redisproc.Error
		switch {
		case errors.As(err, &reply) && strings.HasPrefix(string(reply), "MOVED"):
			moved++
		case err != nil:
			t.Fatal(err)
		}
	}
	if moved != 2 {
		t.Errorf("%d of 3 nodes sent us elsewhere, want 2", moved)
	}
	if !strings.HasPrefix(c.URL(), "redis-cluster://127.0.0.1:") || strings.Count(c.URL(), ",") != 2 {
		t.Errorf("URL = %q", c.URL())
	}
}

func TestMissingServerNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := redisproc.Start(t.Context(), redisproc.Config{})
	if !errors.Is(err, redisproc.ErrMissing) || !strings.Contains(err.Error(), "package redis-server") {
		t.Errorf("error = %v", err)
	}
}

func TestStartTellsWhatTheServerSaid(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := redisproc.Start(ctx, redisproc.Config{Args: []string{"--no-such-option", "1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("error = %v, want the server's own words", err)
	}
}

func TestBrokenRepliesAreErrors(t *testing.T) {
	for _, reply := range []string{"\r\n", "!x\r\n", "$x\r\n", "$5\r\nab", "*2\r\n:1\r\n", "?1\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 100))
			_, _ = conn.Write([]byte(reply))
		}()
		c, err := redisproc.Dial(l.Addr().String(), "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Do("PING"); err == nil {
			t.Errorf("reply %q was taken as %v", reply, got)
		}
		c.Close()
		l.Close()
	}
}
