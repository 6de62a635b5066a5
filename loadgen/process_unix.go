//go:build unix

package main

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

// openFiles is how many files this process may have open, raised as far as the
// system lets it.
func openFiles() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	if r.Cur < r.Max {
		raised := syscall.Rlimit{Cur: r.Max, Max: r.Max}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			r = raised
		}
	}
	return int(min(uint64(r.Cur), 1<<30)), nil
}
