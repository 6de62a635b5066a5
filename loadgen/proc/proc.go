// Package proc reads what processes, and the machine that they run on, have used
// so far. Where the system does not tell, it says so.
package proc

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// Usage is what a process has used so far.
type Usage struct {
	CPU      time.Duration // of user and system together
	Resident int64         // bytes
}

// Machine is what all cores together have done so far, and the memory.
type Machine struct {
	Busy, All   time.Duration // of all cores; All is the time that passed on each of them
	Free, Total int64         // bytes; free is what programs could still get
}

// Share returns what to add to the environment of each of several Go processes that are busy
// on this machine at the same time: it divides the cores among them, unless GOMAXPROCS is set.
// Otherwise each would wake and look for work on all cores, which took a fifth of the CPU of
// twelve processes on two cores.
func Share(processes int) []string {
	if processes <= 1 || os.Getenv("GOMAXPROCS") != "" {
		return nil
	}
	return []string{fmt.Sprintf("GOMAXPROCS=%d", max(1, runtime.NumCPU()/processes))}
}
