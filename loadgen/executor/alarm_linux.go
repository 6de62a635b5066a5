package executor

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// briefest is the least time for which the process goes to sleep between
// arrivals. Each waking costs 50 to 80 µs of CPU, most of it in Go's scheduler,
// however many arrivals are due: so at high rates some are started together,
// none of them later than this and what waking takes.
const briefest = 500 * time.Microsecond

// timerFile is a timer of the kernel's that is read like a file (timerfd): it
// wakes whoever reads within 0.1 ms.
type timerFile struct {
	rest alarm // for when the file fails
	ctx  context.Context
	file *os.File
	raw  syscall.RawConn
	arm  func(fd uintptr) // sets the timer to next
	next time.Duration
	err  error // of arm
	stop func() bool
	read [8]byte // the number of expirations, which is not looked at
}

// newPreciseAlarm falls back on Go's timer where the system has no other.
func newPreciseAlarm(ctx context.Context) alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return newGoTimer(ctx)
	}
	t := &timerFile{rest: newGoTimer(ctx), ctx: ctx, file: os.NewFile(uintptr(fd), "timerfd")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		t.file.Close()
		return t.rest
	}
	t.arm = func(fd uintptr) {
		at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(t.next))}
		t.err = unix.TimerfdSettime(int(fd), 0, &at, nil)
	}
	t.stop = context.AfterFunc(ctx, func() { t.file.SetReadDeadline(time.Unix(1, 0)) })
	return t
}

func (t *timerFile) sleep(d time.Duration) bool {
	t.next = max(d, briefest)
	err := t.raw.Control(t.arm)
	if err == nil && t.err == nil {
		if _, err = t.file.Read(t.read[:]); err == nil {
			return true
		}
	}
	return t.ctx.Err() == nil && t.rest.sleep(d)
}

func (t *timerFile) close() {
	t.stop()
	t.rest.close()
	t.file.Close()
}
