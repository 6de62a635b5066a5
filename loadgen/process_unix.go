//go:build unix

package main

import "syscall"

// openFiles is how many files this process may have open, raised as far as the
// system lets it.
func openFiles() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	if r.Cur < r.Max {
		raised := syscall.Rlimit{Cur: r.Max, Max: r.Max}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			r = raised
		}
	}
	return int(min(uint64(r.Cur), 1<<30)), nil
}
