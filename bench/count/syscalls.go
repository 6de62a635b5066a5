package count

import "strconv"

// syscallNames are those of linux/amd64 that Go programs make; the numbers are the kernel's
// for good.
var syscallNames = map[int]string{
	0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 7: "poll", 8: "lseek", 9: "mmap",
	10: "mprotect", 11: "munmap", 12: "brk", 13: "rt_sigaction", 14: "rt_sigprocmask", 15: "rt_sigreturn",
	16: "ioctl", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 22: "pipe", 23: "select",
	24: "sched_yield", 28: "madvise", 35: "nanosleep", 38: "setitimer", 39: "getpid", 40: "sendfile",
	41: "socket", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg",
	48: "shutdown", 49: "bind", 50: "listen", 51: "getsockname", 52: "getpeername", 53: "socketpair",
	54: "setsockopt", 55: "getsockopt", 56: "clone", 57: "fork", 59: "execve", 60: "exit", 61: "wait4",
	62: "kill", 63: "uname", 72: "fcntl", 74: "fsync", 77: "ftruncate", 79: "getcwd", 82: "rename",
	83: "mkdir", 84: "rmdir", 87: "unlink", 89: "readlink", 90: "chmod", 96: "gettimeofday", 97: "getrlimit",
	98: "getrusage", 99: "sysinfo", 102: "getuid", 131: "sigaltstack", 137: "statfs", 157: "prctl",
	158: "arch_prctl", 186: "gettid", 202: "futex", 204: "sched_getaffinity", 213: "epoll_create",
	217: "getdents64", 218: "set_tid_address", 222: "timer_create", 223: "timer_settime", 226: "timer_delete",
	228: "clock_gettime", 230: "clock_nanosleep", 231: "exit_group", 232: "epoll_wait", 233: "epoll_ctl",
	234: "tgkill", 257: "openat", 258: "mkdirat", 262: "newfstatat", 263: "unlinkat", 267: "readlinkat",
	270: "pselect6", 271: "ppoll", 275: "splice", 281: "epoll_pwait", 283: "timerfd_create", 284: "eventfd",
	288: "accept4", 290: "eventfd2", 291: "epoll_create1", 292: "dup3", 293: "pipe2", 295: "preadv",
	296: "pwritev", 299: "recvmmsg", 302: "prlimit64", 307: "sendmmsg", 318: "getrandom",
	326: "copy_file_range", 332: "statx", 334: "rseq", 424: "pidfd_send_signal", 425: "io_uring_setup",
	426: "io_uring_enter", 434: "pidfd_open", 435: "clone3", 436: "close_range", 437: "openat2",
	441: "epoll_pwait2",
}

// syscallName names a system call by its number, "syscall-999" where that is not known.
func syscallName(number int) string {
	if name, ok := syscallNames[number]; ok {
		return name
	}
	return "syscall-" + strconv.Itoa(number)
}
