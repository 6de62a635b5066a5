//go:build linux && !race

package socket

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are one read and one write of a socket that never
// blocks. Go is not told of them as it is of calls that may: its monitor would be
// woken for the first after a moment without work, take a long write for one that
// is stuck, and hand the core over to another thread. Where cores fall idle
// between two messages, as in the burst, that is a good part of a message's cost.

func readNow(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

func writeNow(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
