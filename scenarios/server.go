package scenarios

import (
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

// Server is what a scenario needs of the servers that are started for it.
type Server struct {
	Instances int // at least 1; several share a Redis, and the guests
	Storage   Storage
}

// server reads the section. Several instances can only share Redis.
func (r *reading) server(n *yaml.Node) Server {
	s := Server{Instances: 1, Storage: StorageMemory}
	e, ok := r.mapping(n, "server", []string{"instances", "storage"})
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
	return s
}
