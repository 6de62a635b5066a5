//go:build unix

package crew

import (
	"os/exec"
	"syscall"
)

// detach keeps a terminal's Ctrl-C from the process: it hears of it from the one
// that started it, which wants to know how its share went.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
