package fleet

import (
	"errors"
	"time"

	"guestload/loadgen/proc"
)

// errUnknown: there is no such process, or it has not told yet.
var errUnknown = errors.New("not known")

// Use is what the servers that are left have used so far, together.
func (f *Fleet) Use() (proc.Usage, error) {
	var all proc.Usage
	var err error = errUnknown
	for _, s := range f.Servers {
		u, failed := s.Use()
		if failed != nil {
			continue // it has gone, or the system does not tell
		}
		all.CPU, all.Resident, err = all.CPU+u.CPU, all.Resident+u.Resident, nil
	}
	return all, err
}

// Use is what the server has used so far.
func (s *Server) Use() (proc.Usage, error) { return proc.Of(s.cmd.Process.Pid) }

// UsesRedis reports whether the servers keep their guests there.
func (f *Fleet) UsesRedis() bool { return f.meter != nil }

// RedisUse is what Redis had used when it was last asked, of a cluster the
// masters together.
func (f *Fleet) RedisUse() (proc.Usage, error) {
	m := f.meter
	if m == nil {
		return proc.Usage{}, errUnknown
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mu.nodes) == 0 {
		return proc.Usage{}, errUnknown
	}
	var cpu float64
	for _, l := range m.mu.nodes {
		cpu += l.last.cpu
	}
	return proc.Usage{CPU: time.Duration(cpu * float64(time.Second)), Resident: int64(m.mu.now)}, nil
}
