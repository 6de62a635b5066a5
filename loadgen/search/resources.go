package search

import (
	"runtime"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/run"
	"guestload/loadgen/session"
)

// loadOf is what a run used while guests arrived, for only then is the rate the planned one.
func loadOf(r run.Result, arrivals time.Duration) capacity.Load {
	l := capacity.Load{Cores: runtime.NumCPU(), Shared: r.Local, Lag: max(r.Health.Probes.P99, r.Health.Starts.P99), Dropped: r.Record.Guests.Dropped}
	var server, redis, loadgen, busy mean
	for i, s := range r.Seconds {
		if s.Warmup || time.Duration(s.Second)*time.Second >= arrivals {
			continue
		}
		used := r.Samples[i]
		for name, to := range map[string]*mean{"server": &server, "redis": &redis, "loadgen": &loadgen} {
			if u, known := used.Of[name]; known {
				to.add(u.Cores)
			}
		}
		if used.Busy.Known {
			busy.add(used.Busy.Of)
		}
		if used.Free.Known && (!l.Free.Known || used.Free.Of < l.Free.Of) {
			l.Free = used.Free
		}
	}
	l.Server, l.Redis, l.Loadgen = server.use(), redis.use(), loadgen.use()
	l.Machine = busy.share()
	for _, o := range r.Record.Operations {
		l.NoFile += int(o.Failures[session.KindOpenFiles])
		l.NoPort += int(o.Failures[session.KindNoPorts])
	}
	return l
}

// mean of values that are added one by one.
type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m mean) use() capacity.Use {
	if m.n == 0 {
		return capacity.Use{}
	}
	return capacity.Use{Cores: m.sum / m.n, Known: true}
}

func (m mean) share() capacity.Share {
	u := m.use()
	return capacity.Share{Of: u.Cores, Known: u.Known}
}

// cores are the mean cores by process, for the record.
func cores(l capacity.Load) map[string]float64 {
	all := map[string]float64{}
	for name, u := range map[string]capacity.Use{"server": l.Server, "redis": l.Redis, "loadgen": l.Loadgen} {
		if u.Known {
			all[name] = u.Cores
		}
	}
	if l.Machine.Known {
		all["machine"] = l.Machine.Of * float64(l.Cores)
	}
	return all
}
