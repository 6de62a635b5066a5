package session

import (
	"sync/atomic"
	"time"
)

// lags holds how late each of the latest messages was sent, so that the receiver knows the
// service time as well as the response time. It is a small table in which messages may
// overwrite each other; the lag then counts as 0.
type lags struct {
	slots [1 << slotBits]atomic.Uint64
}

const (
	slotBits = 14
	lagBits  = 24 // microseconds, up to 16 s
	maxLag   = 1<<lagBits - 1
)

// note stores how late the guest's k-th message was sent.
func (l *lags) note(guest, k int, lag time.Duration) {
	key := lagKey(guest, k)
	us := min(uint64(max(lag, 0)/time.Microsecond), maxLag)
	l.slots[slot(key)].Store(key<<lagBits | us)
}

// of returns what was stored, 0 if it was overwritten.
func (l *lags) of(guest, k int) time.Duration {
	key := lagKey(guest, k)
	noted := l.slots[slot(key)].Load()
	if noted>>lagBits != key {
		return 0
	}
	return time.Duration(noted&maxLag) * time.Microsecond
}

// lagKey is never 0, and takes 40 bits: k counts from 1.
func lagKey(guest, k int) uint64 {
	return (uint64(guest)<<12 + uint64(k)) & (1<<40 - 1)
}

// slot scatters neighbours over the table.
func slot(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> (64 - slotBits) }
