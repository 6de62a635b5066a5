package ab

import "syscall"

// dieWithParent lets the kernel end the child when the thread that made it
// ends, however that comes.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
