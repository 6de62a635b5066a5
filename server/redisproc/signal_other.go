//go:build !unix

package redisproc

import "syscall"

// Windows can neither stop a process nor resume it: sending these fails.
const stop, resume = syscall.Signal(19), syscall.Signal(18)
