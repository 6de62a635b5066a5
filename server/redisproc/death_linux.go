package redisproc

import "syscall"

// dieWithParent makes the kernel end the server when this program ends, also
// when it is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
