// Package limits compares what a run needs with what this machine allows: open files,
// ports and memory.
package limits

import (
	"fmt"
	"iter"

	"guestload/loadgen/executor"
	"guestload/loadgen/proc"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/scenarios"
)

const (
	// spareFiles are for the record, the log, the standard streams and the like.
	spareFiles = 64
	// maxConnections is the default limit of HTTP connections to one target.
	maxConnections = 1024
	// unprivilegedPorts is how many ports a process may use without privileges.
	unprivilegedPorts = 65536 - 1024
)

// Machine is what this machine allows one process.
type Machine struct {
	Live  int   // guests at a time
	Conns int   // HTTP connections
	Asked int   // HTTP connections that were asked for; 0: none were
	Files int   // open files
	Ports int   // from one source address to one target; 0: unknown
	Free  int64 // bytes of memory; 0: unknown
}

// Measure returns the limits for a run with peak guests at a time, after raising the limit
// of open files as far as the system allows. connections is the number of HTTP connections
// asked for; 0 takes a tenth of the open files, at most 1,024.
func Measure(peak, connections int) (Machine, error) {
	files, err := openFiles(peak + max(maxConnections, connections) + spareFiles)
	if err != nil {
		return Machine{}, fmt.Errorf("limit of open files: %w", err)
	}
	conns := min(maxConnections, files/10)
	if connections > 0 {
		conns = connections
	}
	m := Machine{Files: files, Conns: conns, Asked: connections, Live: files - conns - spareFiles}
	switch {
	case connections > 0 && m.Live < 1:
		return m, fmt.Errorf("--connections %d: this process may open only %d files, and needs %d for guests and everything else: raise the limit (`ulimit -n %d`) or ask for fewer",
			connections, files, spareFiles, roundUp(connections+2*spareFiles))
	case m.Live < 1 || conns < 1:
		return m, fmt.Errorf("this process may open only %d files: raise the limit, as with `ulimit -n 4096`", files)
	}
	if here, err := proc.Here(); err == nil {
		m.Free = here.Free
	}
	if ports, err := proc.Ports(); err == nil {
		m.Ports = ports
	}
	return m, nil
}

// Demand is what a run needs of this machine.
type Demand struct {
	Peak      int // guests at a time
	Planned   int // guests in total
	Sources   int // addresses that connections to the target come from
	Servers   int // embedded servers
	Processes int // that play the guests
}

// DemandOf returns what a share of a scenario needs; the sources are those of one target and
// the servers none.
func DemandOf(s scenarios.Scenario, part executor.Share) Demand {
	planned := schedule.Planned(executor.Schedule(s.Phases), s.Seed)
	return Demand{Peak: part.Of(PeakLive(s)), Planned: part.Of(planned), Processes: max(1, s.Processes)}
}

// What guests cost, measured on linux/amd64 with runs of 1,000 to 12,000 guests,
// rounded up.
const (
	processMemory = 25 << 20 // of a process without guests
	liveMemory    = 16 << 10 // of a live guest in the generator, and as much in the server
	socketMemory  = 10 << 10 // of the kernel, both ends of a connection over loopback
	goneByUs      = 1300     // of a guest who has left, in the verifier
	goneByServer  = 2400     // of a guest who has left, until the session expires
)

// memory estimates how many bytes the run needs on this machine.
func (d Demand) memory() int64 {
	n := int64(max(1, d.Processes))*processMemory + int64(d.Peak)*(liveMemory+socketMemory) + int64(d.Planned)*goneByUs
	if d.Servers > 0 {
		n += int64(d.Servers)*processMemory + int64(d.Peak)*liveMemory + int64(d.Planned)*goneByServer
	}
	return n
}

// Shortages returns one sentence for each resource that the run will run out of, with the
// command that helps; fewer returns the flag that plays such a share of the guests. Unknown
// resources have no shortage.
func (m Machine) Shortages(d Demand, fewer func(share float64) string) (all []string) {
	fits := func(have, need float64) string { return fewer(0.9 * have / need) }
	each, where := d.Peak, ""
	if d.Processes > 1 {
		each, where = executor.Share{N: d.Processes}.Of(d.Peak), fmt.Sprintf(" in each of %d processes", d.Processes)
	}
	if each > m.Live {
		all = append(all, fmt.Sprintf("about %d guests will be live at a time%s, and %d files may be open, enough for %d: those past it will be dropped, and the run be invalid. "+
			"Raise the limit (`ulimit -n %[5]d`, or as root `prlimit --pid $$ --nofile=%[5]d`, in the shell that starts this) or play fewer (%[6]s)",
			each, where, m.Files, m.Live, roundUp(each+m.Conns+spareFiles), fits(float64(m.Live), float64(each))))
	}
	if sockets, ports := each+m.Conns, m.Ports*d.Sources; m.Ports > 0 && sockets > ports {
		all = append(all, fmt.Sprintf("about %d connections will be open to one address at a time, and there are %d ports for them: those past it will fail. "+
			"As root, `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"` makes %d; or play fewer (%s), or from several machines",
			sockets, ports, unprivilegedPorts*d.Sources, fits(float64(ports), float64(sockets))))
	}
	if need := d.memory(); m.Free > 0 && need > m.Free {
		all = append(all, fmt.Sprintf("about %s of memory will be needed here, and %s are free: what does not fit ends a process. "+
			"End what else runs here (`ps aux --sort -rss | head` names the largest), or play fewer (%s)",
			megabytes(need), megabytes(m.Free), fits(float64(m.Free), float64(need))))
	}
	return all
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

// PeakLive predicts how many guests are live at a time: as many as arrive while a script
// takes its average time.
func PeakLive(s scenarios.Scenario) int {
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

// roundUp returns the power of two that a person would set as the limit.
func roundUp(n int) int {
	limit := 1024
	for limit < n {
		limit *= 2
	}
	return limit
}
