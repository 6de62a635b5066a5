//go:build linux && !race

package client

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are one read and one write of a socket that never
// blocks. Go is not told of them as it is of calls that may: its monitor takes
// a long write for one that is stuck, hands the core over to another thread and
// then watches every 20 µs for more. In the burst, where cores fall idle
// between two messages, that cost the generator a fifth of its CPU time:
// loadgen -scenario burst shows it.

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
