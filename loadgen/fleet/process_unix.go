//go:build unix

package fleet

import (
	"os"
	"runtime"
	"syscall"

	"guestload/results"
)

// usageOf is what a process spent that has ended, nil where that is not known.
func usageOf(state *os.ProcessState) *results.Usage {
	if state == nil {
		return nil
	}
	r, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil
	}
	peak := float64(r.Maxrss) * 1024
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" { // in bytes there
		peak = float64(r.Maxrss)
	}
	return &results.Usage{CPUSec: (state.UserTime() + state.SystemTime()).Seconds(), RSSPeakMB: peak / 1e6}
}
