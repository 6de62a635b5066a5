//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// detach keeps a terminal's Ctrl-C from the worker: the coordinator ends it, and still wants
// its End.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
