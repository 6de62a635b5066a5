package main

import (
	"net"
	"net/url"
	"runtime"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/session"
)

// load is what the run used while it counted.
func (p *performance) load() capacity.Load {
	l := capacity.Load{Cores: runtime.NumCPU(), Shared: p.target.here(), Lag: p.health.Probes.P99, Dropped: p.run.Record.Guests.Dropped}
	l.Lag = max(l.Lag, p.health.Starts.P99)
	var server, redis, loadgen, busy mean
	length := p.scenario.Length()
	for i, s := range p.tape.seconds {
		if s.Warmup || time.Duration(s.Second)*time.Second >= length {
			continue // only while guests arrive is the rate what it is to be
		}
		used := p.tape.used[i]
		for name, to := range map[string]*mean{"server": &server, "redis": &redis, "loadgen": &loadgen} {
			if u, known := used.of[name]; known {
				to.add(u.Cores)
			}
		}
		if used.busy.Known {
			busy.add(used.busy.Of)
		}
		if used.free.Known && (!l.Free.Known || used.free.Of < l.Free.Of) {
			l.Free = used.free
		}
	}
	l.Server, l.Redis, l.Loadgen = server.use(), redis.use(), loadgen.use()
	l.Machine = busy.share()
	for _, o := range p.run.Record.Operations {
		l.NoFile += int(o.Failures[session.KindOpenFiles])
		l.NoPort += int(o.Failures[session.KindNoPorts])
	}
	return l
}

// mean of values that come one by one.
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

// cores are the means by process, for the record.
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

// here reports that the target runs on this machine.
func (t *target) here() bool {
	u, err := url.Parse(t.url)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
