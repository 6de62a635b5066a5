//go:build unix

package fleet

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"guestload/results"
)

// detach keeps a terminal's Ctrl-C from the server, which is still needed then.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

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
