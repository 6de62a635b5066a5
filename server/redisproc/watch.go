package redisproc

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Do sends one command on a connection of its own.
func (s *Server) Do(args ...string) (any, error) {
	c, err := s.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(args...)
}

// CPU is the time that the server has spent in user and kernel mode since it
// started, over all its threads.
func (s *Server) CPU() (time.Duration, error) {
	info, err := s.info("cpu")
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, field := range []string{"used_cpu_sys", "used_cpu_user"} {
		sec, err := strconv.ParseFloat(info[field], 64)
		if err != nil {
			return 0, fmt.Errorf("read %s of redis: %w", field, err)
		}
		total += time.Duration(sec * float64(time.Second))
	}
	return total, nil
}

// Commands is how often each command has run since the last reset, by name in
// lower case, those called by scripts included.
func (s *Server) Commands() (map[string]int64, error) {
	info, err := s.info("commandstats")
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int64)
	for key, value := range info {
		name, ok := strings.CutPrefix(key, "cmdstat_")
		if !ok {
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		n, err := strconv.ParseInt(calls, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read command statistics of redis: %w", err)
		}
		counts[name] = n
	}
	return counts, nil
}

// ResetStats sets the counts of Commands to 0.
func (s *Server) ResetStats() error {
	_, err := s.Do("CONFIG", "RESETSTAT")
	return err
}

func (s *Server) info(section string) (map[string]string, error) {
	reply, err := s.Do("INFO", section)
	if err != nil {
		return nil, err
	}
	text, _ := reply.(string)
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[key] = value
		}
	}
	return info, nil
}

// Monitor collects the commands that a server runs, as MONITOR tells them.
type Monitor struct {
	conn *Conn
	done chan struct{}

	mu struct {
		sync.Mutex
		lines []string
	}
}

// Monitor starts collecting. It costs the server about half of its speed.
func (s *Server) Monitor() (*Monitor, error) {
	conn, err := s.Dial()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Do("MONITOR"); err != nil {
		conn.Close()
		return nil, err
	}
	if err := conn.conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, err
	}
	m := &Monitor{conn: conn, done: make(chan struct{})}
	go m.collect()
	return m, nil
}

func (m *Monitor) collect() {
	defer close(m.done)
	for {
		reply, err := m.conn.read()
		if err != nil {
			return // closed, or the server is gone
		}
		line, _ := reply.(string)
		m.mu.Lock()
		m.mu.lines = append(m.mu.lines, line)
		m.mu.Unlock()
	}
}

// Lines returns what was collected until now: time, [database client] and the
// quoted words of each command; the client is "lua" for commands of scripts.
func (m *Monitor) Lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mu.lines...)
}

// Close ends the collecting.
func (m *Monitor) Close() {
	m.conn.Close()
	<-m.done
}
