package capacity

import (
	"fmt"
	"strings"
	"time"
)

// Resource is what a run had too little of.
type Resource string

// The resources.
const (
	OpenFiles    Resource = "open files"    // of the generator
	Ports        Resource = "ports"         // of the generator, towards the target
	Memory       Resource = "memory"        // of the generator's machine
	MachineCPU   Resource = "machine CPU"   // which server and generator share
	ServerCPU    Resource = "server CPU"    // all of its cores
	ServerCore   Resource = "server core"   // one core, of a server that seems to use no more
	RedisCPU     Resource = "redis CPU"     // Redis runs commands on one core
	GeneratorCPU Resource = "generator CPU" //
	GeneratorLag Resource = "generator lag" // something kept the generator from its CPU
	WithinServer Resource = "within server" // nothing that can be seen from outside
)

// Load is what a run used while it counted.
type Load struct {
	Cores   int  // of the generator's machine
	Shared  bool // the server runs on it too
	Server  Use
	Redis   Use
	Loadgen Use
	Machine Share // of all its cores that were busy
	Free    Share // of its memory
	Lag     time.Duration
	Dropped int // arrivals for whom there was no open file left
	NoFile  int // operations that failed for want of one
	NoPort  int // operations that failed for want of a port
}

// Use is the mean number of cores that a process kept busy.
type Use struct {
	Cores float64
	Known bool
}

// Share is a part of something, 0..1.
type Share struct {
	Of    float64
	Known bool
}

// How full is full, in shares. A core of a shared machine is seldom seen busier.
const (
	full     = 0.9
	nearFull = 0.85
	oneCore  = 1.15
	leastRAM = 0.03
	// Other programs are named where they take so much of a machine so busy: then
	// the generator waits for its turn long before all cores are busy.
	strange, crowded = 0.25, 0.7
)

// Exhausted names what ran out in a run that did not hold, and says why. Of
// several the one nearest to the cause is named: who has no file or port is
// slowed by nothing else.
func Exhausted(v Verdict, l Load) (Resource, string) {
	switch {
	case l.Dropped > 0 || l.NoFile > 0:
		return OpenFiles, fmt.Sprintf("%d guests were dropped and %d operations failed for want of open files", l.Dropped, l.NoFile)
	case l.NoPort > 0:
		return Ports, fmt.Sprintf("%d operations failed for want of a local port", l.NoPort)
	case l.Free.Known && l.Free.Of < leastRAM:
		return Memory, fmt.Sprintf("%.1f %% of the machine's memory was left", 100*l.Free.Of)
	}
	if v == Invalid {
		return generatorShort(l)
	}
	return serverShort(l)
}

func generatorShort(l Load) (Resource, string) {
	busy := l.Loadgen.Known && l.Loadgen.Cores >= nearFull*float64(l.Cores)
	switch {
	case !busy && l.Machine.Known && l.strangers() >= strange*float64(l.Cores) && l.Machine.Of >= crowded:
		return MachineCPU, fmt.Sprintf("%s, %.2f cores by other programs: the generator was late for want of CPU", l.cores(), l.strangers())
	case !busy && l.Machine.Known && l.Machine.Of >= full:
		return MachineCPU, l.cores() + ": the generator was late for want of CPU" + l.elsewhere()
	case busy:
		return GeneratorCPU, l.cores() + ": it cannot offer more"
	}
	return GeneratorLag, fmt.Sprintf("the generator was %v late at the 99th percentile without being busy (%s)", l.Lag.Round(100*time.Microsecond), l.cores())
}

// strangers are the cores of this machine that programs kept busy which have no
// part in the run.
func (l Load) strangers() float64 {
	n := l.Machine.Of*float64(l.Cores) - l.Loadgen.Cores
	if l.Shared {
		n -= l.Server.Cores + l.Redis.Cores
	}
	return n
}

func serverShort(l Load) (Resource, string) {
	single := func(u Use) bool { return u.Known && u.Cores >= nearFull && u.Cores <= oneCore }
	switch {
	case single(l.Redis) || l.Redis.Known && l.Redis.Cores > oneCore:
		return RedisCPU, fmt.Sprintf("Redis used %.2f cores, and runs commands on one", l.Redis.Cores)
	case l.Shared && l.Machine.Known && l.Machine.Of >= full:
		return MachineCPU, l.cores() + l.elsewhere()
	case l.Shared && l.Server.Known && l.Server.Cores >= nearFull*float64(l.Cores):
		return ServerCPU, l.cores()
	case single(l.Server) && (l.Cores > 1 || !l.Shared):
		return ServerCore, fmt.Sprintf("the server used %.2f cores: it seems to have no more than one", l.Server.Cores)
	}
	return WithinServer, "neither CPU nor memory, files or ports ran out (" + l.cores() + "): a lock, a queue or a limit of the server's own"
}

func (l Load) elsewhere() string {
	if !l.Shared {
		return ""
	}
	return ". The server has to share the machine: elsewhere it may hold more"
}

// cores says who used how much.
func (l Load) cores() string {
	var used []string
	for _, p := range []struct {
		name string
		use  Use
	}{{"the server", l.Server}, {"Redis", l.Redis}, {"the generator", l.Loadgen}} {
		if p.use.Known {
			used = append(used, fmt.Sprintf("%s %.2f", p.name, p.use.Cores))
		}
	}
	words := "the CPU used is not known"
	if len(used) > 0 {
		words = strings.Join(used, ", ") + " cores"
	}
	if l.Machine.Known {
		words += fmt.Sprintf("; %.0f %% of this machine's %d were busy", 100*l.Machine.Of, l.Cores)
	}
	return words
}
