//go:build unix && (!linux || race)

package socket

import "syscall"

// The race detector learns from these calls, as it does not from raw ones, that
// what was done before a write comes before what is done after its read.

// readNow is one read of a socket that never blocks.
func readNow(fd int, b []byte) (int, error) {
	for {
		if n, err := syscall.Read(fd, b); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// writeNow is one write of a socket that never blocks.
func writeNow(fd int, b []byte) (int, error) {
	for {
		if n, err := syscall.Write(fd, b); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}
