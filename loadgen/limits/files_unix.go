//go:build unix

package limits

import "syscall"

// openFiles returns how many files this process may open, after raising the limit as far
// as the system allows: for root, up to wanted even above the hard limit.
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
