// Package proc reads what processes, and the machine that they run on, have used
// so far. Where the system does not tell, it says so.
package proc

import "time"

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
