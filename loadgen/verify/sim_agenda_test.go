package verify

import "time"

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type agenda []event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(event)) }
func (a *agenda) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// link is one direction of a connection: in order, late, and it can be cut.
type link struct {
	sim  *sim
	slow time.Duration // the usual delay
	last time.Duration
	dead bool
}

func (l *link) send(do func()) {
	delay := time.Duration(l.sim.r.Int64N(int64(l.slow) + 1))
	if l.sim.r.IntN(20) == 0 {
		delay *= 8
	}
	l.last = max(l.last, l.sim.now+delay)
	l.sim.at(l.last, func() {
		if !l.dead {
			do()
		}
	})
}
