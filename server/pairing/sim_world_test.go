package pairing

import (
	"container/heap"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

const ms = time.Millisecond

// world is several instances, one Redis and some guests in simulated time. All of
// it follows from the seed and the plan.
type world struct {
	now       time.Duration
	events    events
	sequence  uint64
	rng       *rand.Rand
	redis     redis
	slots     []*server
	everybody []*person
	names     int // of instances, ever
	sockets   uint64
	steps     int
	done      int // events
	trace     io.Writer
	flaw      flaw
	failure   string
	checks
	links map[[2]string]time.Duration

	down     bool // Redis is killed
	hung     time.Duration
	slow     time.Duration // until then answers are late
	chaos    time.Duration // until then messages are lost, repeated and overtaken
	troubled time.Duration // the end of the last fault
	harsh    time.Duration // until then losses are excused
}

type event struct {
	due      time.Duration
	sequence uint64
	do       func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].due < e[j].due || e[i].due == e[j].due && e[i].sequence < e[j].sequence
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}

func (w *world) after(d time.Duration, do func()) {
	w.sequence++
	heap.Push(&w.events, event{w.now + d, w.sequence, do})
}

// run lets time pass until then, or until a rule is broken.
func (w *world) run(until time.Duration) {
	for len(w.events) > 0 && w.events[0].due <= until && w.failure == "" {
		e := heap.Pop(&w.events).(event)
		w.now = e.due
		e.do()
		if w.done++; w.done > 2_000_000 {
			w.fail("endless", "events beget events")
		}
	}
	if w.failure == "" {
		w.now = until
	}
}

func (w *world) log(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.6f ", w.now.Seconds())
		fmt.Fprintf(w.trace, format, args...)
		fmt.Fprintln(w.trace)
	}
}

func (w *world) fail(rule, format string, args ...any) {
	if w.failure == "" {
		w.failure = rule
		w.log("BROKEN: "+rule+": "+format, args...)
	}
}

func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1))
}

// server is one instance: a machine, its store that outlives Redis, and its sockets.
type server struct {
	*world
	slot    int
	name    string
	machine *Machine
	alive   bool
	frozen  time.Duration
	skew    time.Duration
	cut     time.Duration // until then Redis is out of reach
	deaf    bool          // nothing that others send arrives
	effects []Effect

	home       bool // Redis is the store; else memory
	falls      int
	recovering bool
	memory     *matcher
	present    map[string]bool
	joining    map[string]int
	sent       time.Duration // when the last command reaches Redis
	lapsed     map[string]time.Duration
	elsewhere  map[string]string
	sockets    map[uint64]*socket
}

func (w *world) start(slot int) {
	w.names++
	s := &server{world: w, slot: slot, name: fmt.Sprintf("i%d", w.names), alive: true,
		present: map[string]bool{}, joining: map[string]int{}, lapsed: map[string]time.Duration{}, sockets: map[uint64]*socket{}}
	s.skew = w.between(-20*ms, 20*ms)
	s.machine = New(s.name, false)
	s.machine.flaw = w.flaw
	s.remember()
	w.slots[slot] = s
	w.log("%s starts", s.name)
	if s.home = s.reaches(); s.home {
		s.redis.leases[s.name] = s.now + leaseFor
		s.machine.Step(s.now, &Input{Kind: Resync, Up: true, At: s.redis.clock(s.now)}, nil)
	}
	s.every(w.between(0, 100*ms), 100*ms, s.probe)
	s.every(w.between(0, time.Second), time.Second, s.beat)
}

func (s *server) remember() {
	s.memory = &matcher{prefix: fmt.Sprintf("%s.%d-", s.name, s.falls), pairs: map[string]*Pair{}, check: s.checkMatch}
}

// later does something after a while, when the instance is neither dead nor frozen.
func (s *server) later(d time.Duration, do func()) { s.after(d, func() { s.awake(do) }) }

func (s *server) awake(do func()) {
	switch {
	case !s.alive:
	case s.frozen > s.now:
		s.later(s.frozen-s.now, do)
	default:
		do()
	}
}

func (s *server) every(first, period time.Duration, do func()) {
	s.later(first, func() {
		do()
		s.every(period, period, do)
	})
}

func (s *server) step(in Input) {
	if !s.alive {
		return
	}
	s.steps++
	if s.trace != nil {
		s.log("%s ← %s", s.name, describeInput(&in))
	}
	s.effects = s.machine.Step(s.now, &in, s.effects[:0])
	for i := range s.effects {
		s.execute(&s.effects[i])
	}
}

func (s *server) execute(e *Effect) {
	if s.trace != nil && e.Kind != Wake {
		s.log("%s → %s", s.name, describeEffect(e))
	}
	guest, pair := e.Guest, e.Pair
	switch e.Kind {
	case Transmit:
		s.transmit(e.Instance, e.Message)
	case CallSearch:
		who := s.searcher(guest, e.Search, e.Avoid)
		s.ask(func(m *matcher) Input { return Input{Kind: Searched, Guest: guest, Match: m.search(who)} })
	case CallLeave:
		at := e.Instance
		s.ask(func(m *matcher) Input { return Input{Kind: Parted, Guest: guest, Match: m.leave(guest, at)} })
	case CallMove:
		s.ask(func(m *matcher) Input {
			return Input{Kind: Moved, Guest: guest, Refused: !m.move(guest, pair, s.name)}
		})
	case CallRestore:
		match := e.Match
		s.ask(func(m *matcher) Input {
			stands, refused := m.restore(match, s.name)
			return Input{Kind: Restored, Guest: guest, Refused: refused, Match: stands}
		})
	case CallWhere:
		s.call(func() Input {
			return Input{Kind: Located, Guest: guest, Pair: pair, Instance: s.redis.owners[guest]}
		}, func() Input { return Input{Kind: Located, Guest: guest, Pair: pair, Failed: true} }, s.step)
	case CallJoin:
		s.join(guest, s.step, Joined)
	case CallForget:
		if s.joining[guest] > 0 {
			return // it joins again at this moment
		}
		delete(s.present, guest)
		s.call(func() Input { s.redis.forget(guest, s.name); return Input{} }, func() Input { return Input{} }, func(Input) {})
	case Wake:
		s.later(max(0, e.Time-s.now), func() { s.step(Input{Kind: Timer}) })
	default:
		if k := s.sockets[e.Socket]; k != nil {
			k.hear(e)
		}
	}
}

// join has a guest join presence; the answer is of a kind.
func (s *server) join(guest string, answer func(Input), kind InputKind) {
	if s.joining[guest] > 0 { // one after the other
		s.later(ms, func() { s.join(guest, answer, kind) })
		return
	}
	s.present[guest] = true
	s.joining[guest]++
	if kind == Connected {
		s.step(Input{Kind: Joining, Guest: guest})
	}
	s.call(func() Input {
		if s.redis.tombs[guest] {
			return Input{Kind: kind, Guest: guest, Failed: true}
		}
		previous, at := s.redis.join(guest, s.name, s.now)
		return Input{Kind: kind, Guest: guest, Instance: previous, At: at}
	}, func() Input {
		return Input{Kind: kind, Guest: guest, At: (s.now + s.skew).Microseconds(), Local: true}
	}, func(in Input) {
		if s.joining[guest]--; s.joining[guest] == 0 {
			delete(s.joining, guest)
		}
		if in.Failed && kind == Connected {
			s.step(Input{Kind: Joining, Guest: guest, Failed: true})
		}
		answer(in)
	})
}

// ask asks the matcher of this moment.
func (s *server) ask(do func(*matcher) Input) {
	s.call(func() Input { return do(&s.redis.matcher) }, func() Input { return do(s.memory) }, s.step)
}

// patience is how long Redis may take to answer.
const patience = 300 * ms

// call asks Redis, and memory where Redis is away or does not answer. What was not
// answered may have been done, or be done later.
func (s *server) call(remote, local func() Input, answer func(Input)) {
	if !s.home {
		s.later(s.between(10*time.Microsecond, 100*time.Microsecond), func() { answer(local()) })
		return
	}
	falls, done := s.falls, false
	s.command(func() {
		in := remote()
		s.later(s.latency(), func() {
			if !done && s.reaches() {
				done = true
				answer(in)
			}
		})
	})
	s.later(patience, func() {
		if done {
			return
		}
		done = true
		if falls == s.falls {
			s.fall()
		}
		answer(local())
	})
}

// command reaches Redis some time later, in the order of the instance's commands.
func (s *server) command(do func()) {
	s.sent = max(s.sent, s.now+s.latency())
	s.world.after(s.sent-s.now, func() { s.arrive(do) })
}

func (s *server) arrive(do func()) {
	switch {
	case s.down || s.cut > s.now:
	case s.hung > s.now: // it lies in the socket's buffer
		s.world.after(s.hung-s.now, func() { s.arrive(do) })
	default:
		do()
	}
}

func (s *server) latency() time.Duration {
	if s.slow > s.now {
		return s.between(ms, 200*ms)
	}
	return s.between(100*time.Microsecond, 2*ms)
}

// reaches reports whether the instance can speak with Redis.
func (s *server) reaches() bool { return !s.down && s.cut <= s.now && s.hung <= s.now }

// fall goes on with memory.
func (s *server) fall() {
	if !s.home {
		return
	}
	s.home = false
	s.falls++
	s.remember()
	clear(s.lapsed)
	s.log("%s falls back to memory", s.name)
	s.step(Input{Kind: LinkDown})
	falls := s.falls
	s.later(s.between(0, 20*ms), func() {
		if s.falls == falls && !s.home {
			s.step(Input{Kind: Resync})
		}
	})
}

// probe sees Redis go and come.
func (s *server) probe() {
	if !s.reaches() {
		if s.down || s.cut > s.now {
			s.deaf = true
		}
		s.fall()
		return
	}
	if s.home || s.recovering {
		return
	}
	falls := s.falls
	s.recovering = true
	s.later(s.between(ms, 90*ms), func() { s.recover(falls) })
}

// recover brings Redis to what is so here, and uses it again.
func (s *server) recover(falls int) {
	if s.home || s.falls != falls || !s.reaches() {
		s.recovering = false
		return
	}
	s.redis.leases[s.name] = s.now + leaseFor
	s.deaf = false
	moved := s.redis.settle(s.name, s.present)
	s.later(s.between(ms, 40*ms), func() {
		s.recovering = false
		if s.home || s.falls != falls || !s.reaches() {
			return
		}
		for _, more := range s.redis.settle(s.name, s.present) {
			moved = append(slices.DeleteFunc(moved, func(o [2]string) bool { return o[0] == more[0] }), more)
		}
		s.evict()
		dissolved := s.redis.prune(s.name, s.machine)
		s.home = true
		s.log("%s uses redis again", s.name)
		s.step(Input{Kind: Resync, Up: true, At: s.redis.clock(s.now), Others: moved})
		for _, in := range dissolved {
			s.step(in)
		}
	})
}

// evict ends the sessions that were deleted elsewhere.
func (s *server) evict() {
	for _, guest := range slices.Sorted(maps.Keys(s.present)) {
		if s.redis.tombs[guest] {
			delete(s.present, guest)
			s.step(Input{Kind: Deleted, Guest: guest})
		}
	}
}

// hearAgain makes up for messages that were missed.
func (s *server) hearAgain() {
	s.deaf = false
	if s.home && s.reaches() {
		moved := s.redis.settle(s.name, s.present)
		s.step(Input{Kind: Resync, Up: true, At: s.redis.clock(s.now), Others: moved})
	}
}

const (
	leaseFor = 4 * time.Second
	grace    = 1500 * ms
)

// beat renews the lease and looks for instances that are dead.
func (s *server) beat() {
	if !s.home {
		return
	}
	falls := s.falls
	s.command(func() {
		held := s.redis.leases[s.name] >= s.now
		s.redis.leases[s.name] = s.now + leaseFor
		leases := maps.Clone(s.redis.leases)
		asked := s.now
		elsewhere := s.redis.repair(s.name, s.present, s.joining)
		s.later(s.latency(), func() {
			if s.falls == falls && s.reaches() {
				s.beaten(held, leases, asked)
				s.contested(elsewhere)
			}
		})
	})
}

// contested tells of guests who were on another instance at the last beat, too.
func (s *server) contested(elsewhere map[string]string) {
	for _, g := range slices.Sorted(maps.Keys(elsewhere)) {
		if s.elsewhere[g] == elsewhere[g] {
			s.step(Input{Kind: Contested, Guest: g, Instance: elsewhere[g]})
		}
	}
	s.elsewhere = elsewhere
}

func (s *server) beaten(held bool, leases map[string]time.Duration, asked time.Duration) {
	if !held {
		clear(s.lapsed)
		s.fall()
		return
	}
	s.evict()
	for _, name := range slices.Sorted(maps.Keys(leases)) {
		if leases[name] >= asked {
			delete(s.lapsed, name)
		} else if _, seen := s.lapsed[name]; !seen {
			s.lapsed[name] = s.now
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.lapsed)) {
		_, listed := leases[name]
		if listed && s.now-s.lapsed[name] < grace {
			continue
		}
		delete(s.lapsed, name)
		s.excuse(name)
		s.step(Input{Kind: Dead, Instance: name})
		if listed {
			s.command(func() {
				if s.redis.leases[name] < s.now {
					s.redis.reap(name)
				}
			})
		}
	}
}

// transmit sends a message through Redis to another instance.
func (s *server) transmit(to string, r *Message) {
	wire := r.Append(nil)
	copies := 1
	chaotic := s.chaos > s.now
	if chaotic {
		switch n := s.rng.IntN(10); {
		case n < 2:
			copies = 0
		case n == 2:
			copies = 2
		}
	}
	for range copies {
		d := s.latency() + s.latency()
		if chaotic {
			d += s.between(0, 300*ms)
		}
		key := [2]string{s.name, to}
		due := s.now + d
		if !chaotic {
			due = max(due, s.links[key])
			s.links[key] = due
		}
		half := (due - s.now) / 2
		s.world.after(half, func() {
			s.arrive(func() {
				s.world.after(due-s.now, func() {
					for _, o := range s.slots {
						if o.name == to && o.alive && !o.deaf && !o.down && o.cut <= o.now {
							o.awake(func() { o.receive(wire) })
						}
					}
				})
			})
		})
	}
}

func (s *server) receive(wire []byte) {
	r, err := Parse(wire)
	if err != nil {
		s.fail("codec", "%v", err)
		return
	}
	s.step(Input{Kind: Received, Message: r})
}

// crash kills an instance; another starts in its place.
func (s *server) crash(restart time.Duration) {
	s.alive = false
	s.log("%s crashes", s.name)
	s.crashed[s.name] = true
	s.excuse(s.name)
	for _, id := range slices.Sorted(maps.Keys(s.sockets)) {
		s.sockets[id].broken()
	}
	slot := s.slot
	s.after(restart, func() { s.start(slot) })
}
