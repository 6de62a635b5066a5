package target

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/proc"
	"guestload/loadgen/usage"
)

// Sources are the processes of the target whose usage is known: embedded servers and their
// Redis, or a backend that tells.
func (t *Target) Sources() (all []usage.Source) {
	switch {
	case t.own != nil:
		add := func(name string, read func() (proc.Usage, error)) {
			all = append(all, usage.Source{Name: name, Read: func(context.Context) (proc.Usage, error) { return read() }})
		}
		add("server", t.own.Use)
		if len(t.own.Servers) > 1 {
			for i, s := range t.own.Servers {
				add(fmt.Sprintf("server %d", i+1), s.Use)
			}
		}
		if t.own.UsesRedis() {
			add("redis", t.own.RedisUse)
		}
	case t.before.known:
		all = append(all, usage.Source{Name: "server", Read: func(ctx context.Context) (proc.Usage, error) {
			s, err := t.spent(ctx)
			return proc.Usage{CPU: time.Duration(s.cpu * float64(time.Second)), Resident: int64(s.memory)}, err
		}})
	}
	return all
}
