//go:build unix

package proc

import (
	"os/exec"
	"syscall"
)

// Detach keeps a terminal's Ctrl-C from a process that is to be started: its parent still needs
// it then, and ends it.
func Detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
