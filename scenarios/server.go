package scenarios

import (
	"errors"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Storage is where servers of the load generator's own keep their guests.
type Storage string

// The storages.
const (
	StorageMemory Storage = "memory"
	StorageRedis  Storage = "redis" // one that is started for the run, and keeps nothing
)

// MaxInstances bounds how many servers a run may start.
const MaxInstances = 64

// MaxProcesses bounds how many processes play a run.
const MaxProcesses = 64

// Server is what a scenario needs of the servers that are started for it.
type Server struct {
	Instances int // at least 1; several share a Redis, and the guests
	Storage   Storage
	Tokens    time.Duration // how long a token is good for, whole seconds; 0: as long as the server likes
	Events    int           // that a socket may send in a second; 0: any number
}

func serverKeys() []string { return []string{"instances", "storage", "tokens", "events"} }

// server reads the section. Several instances can only share Redis.
func (r *reading) server(n *yaml.Node) Server {
	s := Server{Instances: 1, Storage: StorageMemory}
	e, ok := r.mapping(n, "server", serverKeys())
	if !ok {
		return s
	}
	if v := e.get("instances"); v != nil {
		if count, ok := parsed(r, v, "instances", func(s string) (int, error) { return parseCount(s, MaxInstances) }); ok {
			s.Instances = count
		}
	}
	if s.Instances > 1 {
		s.Storage = StorageRedis
	}
	if v := e.get("storage"); v != nil {
		word, ok := r.word(v, "a storage", string(StorageMemory), string(StorageRedis))
		if ok && s.Instances > 1 && Storage(word) == StorageMemory {
			r.problem(v, "%d instances cannot share their memory: write storage: redis, or leave it out", s.Instances)
		}
		if ok {
			s.Storage = Storage(word)
		}
	}
	if v := e.get("tokens"); v != nil {
		s.Tokens, _ = parsed(r, v, "tokens", parseTokenLife)
	}
	if v := e.get("events"); v != nil {
		s.Events, _ = parsed(r, v, "events", parseEventLimit)
	}
	return s
}

// processes reads how many play the guests.
func (r *reading) processes(n *yaml.Node, s *Scenario) {
	if count, ok := parsed(r, n, "processes", func(s string) (int, error) { return parseCount(s, MaxProcesses) }); ok {
		s.Processes = count
	}
	switch {
	case s.Processes > 1 && s.Capacity != nil:
		r.problem(n, "a search for the capacity is played by one process: leave out processes")
	case s.Processes > 1 && len(s.Faults) > 0:
		r.problem(n, "a scenario with faults is played by one process: leave out processes")
	}
}

func parseTokenLife(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && (d < time.Second || d%time.Second != 0) {
		err = errors.New("a token lives for whole seconds, at least 1s")
	}
	return d, err
}

func parseEventLimit(s string) (int, error) {
	rate, err := parseRate(s)
	if err == nil && (rate < 1 || rate != float64(int(rate))) {
		err = errors.New("a limit is a whole number of events a second, like 50/s")
	}
	return int(rate), err
}
