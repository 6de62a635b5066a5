//go:build unix

package main

import (
	"os"
	"syscall"
)

// brokenOutput are the signals of outputs that cannot be written.
var brokenOutput = []os.Signal{syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGTTOU}

// openFiles is how many files this process may have open, raised as far as the
// system lets it: the hard limit too, where that is less than wanted and we are root.
func openFiles(wanted int) (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	for _, limit := range []uint64{r.Max, uint64(max(wanted, 0))} {
		if limit <= r.Cur {
			continue
		}
		raised := syscall.Rlimit{Cur: limit, Max: max(limit, r.Max)}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			r = raised
		}
	}
	return int(min(r.Cur, 1<<30)), nil
}
