package client

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lateBind lets the kernel choose the local port when it knows the other side:
// chosen earlier, a port serves one connection alone, whomever it is to.
func lateBind(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// An old kernel does not know it: then ports are scarcer, and nothing else.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
