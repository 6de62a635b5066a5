//go:build unix

package redisproc

import "syscall"

const stop, resume = syscall.SIGSTOP, syscall.SIGCONT
