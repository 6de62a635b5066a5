//go:build !linux

package ab

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}
