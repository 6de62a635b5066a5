//go:build !linux

package client

import "syscall"

// lateBind is for Linux, where local addresses are chosen.
func lateBind(_, _ string, _ syscall.RawConn) error { return nil }
