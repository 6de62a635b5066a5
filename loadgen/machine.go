package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/proc"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

// spare files are for the record, the log, the standard streams and the like.
const spare = 64

// machine is what this machine lets a run have.
type machine struct {
	live  int   // guests at a time
	conns int   // HTTP connections
	files int   // open files allowed to a process
	ports int   // from one source address to one target; 0: not known
	free  int64 // bytes of memory; 0: not known
}

// measureMachine looks at what there is for a run with so many guests at a
// time, and with so many HTTP connections; 0 for as many as are good. The limit of
// open files is raised on the way, as far as the system allows.
func measureMachine(peak, asked int) (machine, error) {
	files, err := openFiles(peak + max(connsAtMost, asked) + spare)
	if err != nil {
		return machine{}, fmt.Errorf("limit of open files: %w", err)
	}
	conns := min(connsAtMost, files/10)
	if asked > 0 {
		conns = asked
	}
	m := machine{files: files, conns: conns, live: files - conns - spare}
	switch {
	case asked > 0 && m.live < 1:
		return m, fmt.Errorf("--connections %d: only %d files may be open, of which %d are for guests and all else: raise the limit (`ulimit -n %d`) or ask for fewer",
			asked, files, spare, roundUp(asked+2*spare))
	case m.live < 1 || conns < 1:
		return m, fmt.Errorf("only %d files may be open: raise the limit, as with `ulimit -n 4096`", files)
	}
	if here, err := proc.Here(); err == nil {
		m.free = here.Free
	}
	if ports, err := proc.Ports(); err == nil {
		m.ports = ports
	}
	return m, nil
}

const connsAtMost = 1024 // HTTP connections to one target

// demand is what a scenario asks of the machine.
type demand struct {
	peak      int // guests at a time
	planned   int // guests in all
	sources   int // addresses that connections to the target come from
	servers   int // that run on this machine because of us
	processes int // that play the guests, as many each
}

// What guests cost, measured on linux/amd64 with runs of 1,000 to 12,000 guests,
// rounded up: a process to begin with, a guest who is there, with its share of
// the kernel's buffers, and one who has gone.
const (
	processMemory = 25 << 20
	liveMemory    = 16 << 10 // in the generator, and as much in the server
	socketMemory  = 10 << 10 // of the kernel, both ends of a connection over loopback
	goneByUs      = 1300     // what the verifier remembers
	goneByServer  = 2400     // the session, until it expires
)

// memory is about how many bytes the run needs here.
func (d demand) memory() int64 {
	n := int64(max(1, d.processes))*processMemory + int64(d.peak)*(liveMemory+socketMemory) + int64(d.planned)*goneByUs
	if d.servers > 0 {
		n += int64(d.servers)*processMemory + int64(d.peak)*liveMemory + int64(d.planned)*goneByServer
	}
	return n
}

// short says what a run will need more of than there is, each with what would
// help; fewer says how to play such a share of the guests. Nothing is said of what
// is not known.
func (m machine) short(d demand, fewer func(share float64) string) (all []string) {
	fits := func(have, need float64) string { return fewer(0.9 * have / need) }
	each, where := d.peak, ""
	if d.processes > 1 {
		each, where = within(executor.Share{N: d.processes}, d.peak), fmt.Sprintf(" in each of %d processes", d.processes)
	}
	if each > m.live {
		all = append(all, fmt.Sprintf("about %d guests will be live at a time%s, and %d files may be open, enough for %d: those past it will be dropped, and the run be invalid. "+
			"Raise the limit (`ulimit -n %[5]d`, or as root `prlimit --pid $$ --nofile=%[5]d`, in the shell that starts this) or play fewer (%[6]s)",
			each, where, m.files, m.live, roundUp(each+m.conns+spare), fits(float64(m.live), float64(each))))
	}
	if sockets, ports := each+m.conns, m.ports*d.sources; m.ports > 0 && sockets > ports {
		all = append(all, fmt.Sprintf("about %d connections will be open to one address at a time, and there are %d ports for them: those past it will fail. "+
			"As root, `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"` makes %d; or play fewer (%s), or from several machines",
			sockets, ports, allPorts*d.sources, fits(float64(ports), float64(sockets))))
	}
	if need := d.memory(); m.free > 0 && need > m.free {
		all = append(all, fmt.Sprintf("about %s of memory will be needed here, and %s are free: what does not fit ends a process. "+
			"End what else runs here (`ps aux --sort -rss | head` names the largest), or play fewer (%s)",
			megabytes(need), megabytes(m.free), fits(float64(m.free), float64(need))))
	}
	return all
}

// fewer says how a run is asked for that has such a share of the guests. A search
// for the capacity has no size, but may end lower: rate is that of its run, else 0.
func (o options) fewer(rate float64) func(share float64) string {
	return func(share float64) string {
		switch {
		case rate > 0:
			return fmt.Sprintf("to: %s in the scenario ends the search there", strings.ReplaceAll(results.FormatRate(share*rate), ",", ""))
		case o.guests > 0:
			return fmt.Sprintf("--guests %d", max(1, int(share*float64(o.guests))))
		}
		return fmt.Sprintf("--scale %.2g", share*o.scale)
	}
}

// allPorts are those that need no privilege.
const allPorts = 65536 - 1024

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

// demandOf is what a scenario asks of this machine, against this target.
func demandOf(s scenarios.Scenario, t *target, part executor.Share) demand {
	d := demand{peak: peakLive(s), planned: schedule.Planned(executor.Schedule(s.Phases), s.Seed), sources: t.Clients[0].Sources()}
	d.peak, d.planned = within(part, d.peak), within(part, d.planned)
	d.sources *= len(t.Clients) // each has an address of its own
	if t.own != nil {
		d.servers = len(t.own.Servers)
	}
	d.processes = max(1, s.Processes)
	return d
}

// highest is the scenario at the highest rate that it may come to.
func highest(s scenarios.Scenario) scenarios.Scenario {
	if s.Capacity == nil {
		return s
	}
	return s.At(s.Capacity.To)
}

// peakLive predicts how many guests are live at a time: as many as arrive within
// the time that a script takes on the average.
func peakLive(s scenarios.Scenario) int {
	typical := session.Typical(s.Scripts)
	most := 0
	for _, p := range s.Phases {
		if p.Shape == scenarios.Closed {
			most = max(most, p.Guests)
		}
	}
	phases := executor.Schedule(s.Phases)
	next, stop := iter.Pull(schedule.Arrivals(phases, s.Seed))
	defer stop()
	oldest, left := next()
	live := 0
	for a := range schedule.Arrivals(phases, s.Seed) {
		live++
		for left && a.At-oldest.At > typical {
			live--
			oldest, left = next()
		}
		most = max(most, live)
	}
	return most
}

// roundUp makes a limit that people would choose.
func roundUp(n int) int {
	limit := 1024
	for limit < n {
		limit *= 2
	}
	return limit
}

// grace is how long guests may go on after the last arrival: longer than any
// script takes, if everything in it takes as long as it may.
func grace(s scenarios.Scenario) time.Duration { return session.Longest(s.Scripts) }
