package app

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// A guest's session, member and socket live for minutes to hours: little of the
// heap is garbage at a time, and each collection looks at all of it, 10,000s of
// goroutine stacks included. With Go's own GOGC=100 that took 6 % of the CPU
// at 15,000 guests who come, talk and go. 200 halves it, for at most half as much
// memory again.
const garbagePercent = 200

// What a control group leaves to the kernel's share of the process and to
// everything that Go does not count.
const groupShare = 0.9

// garbage says how it is collected. A zero field leaves Go's own way, which is
// what the environment says.
type garbage struct {
	percent int
	limit   int64 // bytes that the collector tries to stay below
}

// garbageOf is what is chosen where the environment chooses nothing.
func garbageOf(getenv func(string) string) (g garbage) {
	if getenv("GOGC") == "" {
		g.percent = garbagePercent
	}
	if getenv("GOMEMLIMIT") == "" {
		g.limit = groupLimit("/sys/fs/cgroup/memory.max")
	}
	return g
}

// groupLimit is the share of the control group's limit that we use, 0 where there
// is none; https://docs.kernel.org/admin-guide/cgroup-v2.html.
func groupLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0 // not in a control group
	}
	most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0 // "max"
	}
	return int64(groupShare * float64(most))
}

func (g garbage) apply() {
	if g.percent != 0 {
		debug.SetGCPercent(g.percent)
	}
	if g.limit != 0 {
		debug.SetMemoryLimit(g.limit)
	}
}
