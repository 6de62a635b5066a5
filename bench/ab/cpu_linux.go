package ab

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf is the CPU time that a running process has used so far, in nanoseconds
// and with threads that have ended: that process's own clock, numbered as
// clock_getcpuclockid(3) does. /proc/PID/stat counts in hundredths of a second,
// too coarse for a slice.
func cpuOf(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
