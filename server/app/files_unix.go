//go:build unix

package app

import "syscall"

// raiseFiles allows this process as many open files as it may have, and returns
// the number.
func raiseFiles() (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	want := l
	want.Cur = want.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		return int(l.Cur), err
	}
	return int(want.Cur), nil
}
