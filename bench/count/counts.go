package count

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Counts are what one run of a program did.
type Counts struct {
	Instructions uint64            // of all threads but Go's monitor, which polls by the clock
	Syscalls     map[string]uint64 // by name
	Functions    map[string]uint64 // instructions by function; nil where not asked for
}

// monitor is the thread that Go starts first: sysmon, whose work depends on how long a
// program runs and not on what it does.
const monitor = 1

// read reads what the plugin wrote.
func read(file string) (Counts, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Counts{}, fmt.Errorf("the counter wrote nothing: %w", err)
	}
	c := Counts{Syscalls: map[string]uint64{}}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 1 && fields[0] == "end" {
			return c, os.Remove(file)
		}
		if err := c.take(fields); err != nil {
			return Counts{}, fmt.Errorf("line %d of the counts is %q: %w", n, strings.TrimSpace(line), err)
		}
	}
	return Counts{}, errors.New("the counts are cut off")
}

func (c *Counts) take(fields []string) error {
	if len(fields) < 3 {
		return errors.New("want a kind, a name and a number")
	}
	name := strings.Join(fields[1:len(fields)-1], " ") // a function of a generic type may have blanks
	value, err := strconv.ParseUint(fields[len(fields)-1], 10, 64)
	if err != nil {
		return err
	}
	switch fields[0] {
	case "thread":
		if name != strconv.Itoa(monitor) {
			c.Instructions += value
		}
	case "syscall":
		number, err := strconv.Atoi(name)
		if err != nil {
			return err
		}
		c.Syscalls[syscallName(number)] += value
	case "function":
		if c.Functions == nil {
			c.Functions = map[string]uint64{}
		}
		c.Functions[name] += value
	default:
		return errors.New("unknown kind")
	}
	return nil
}

// Rates are counts per operation, by unit: "instructions/op", "syscalls/op", and for each
// system call such as "write/op".
type Rates map[string]float64

// syscalls that are asked by the clock, or by the benchmark's own clocks, or that a program
// makes only because an emulator has no vDSO.
var byClock = []string{"clock_gettime", "gettimeofday", "getrusage", "nanosleep", "rt_sigreturn", "tgkill", "sched_yield", "getpid", "gettid", "timer_settime", "madvise"}

// perOp are the counts that a longer run has more, by operation.
func perOp(short, long Counts, operations float64) Rates {
	difference := func(a, b uint64) float64 { return (float64(b) - float64(a)) / operations }
	r := Rates{"instructions/op": difference(short.Instructions, long.Instructions), "syscalls/op": 0}
	for name := range long.Syscalls {
		if slices.Contains(byClock, name) {
			continue
		}
		rate := difference(short.Syscalls[name], long.Syscalls[name])
		r[name+"/op"] = rate
		r["syscalls/op"] += rate
	}
	return r
}

// Function is how many instructions an operation executes in a function, of base and head.
type Function struct {
	Name       string
	Base, Head float64
}

// Changed are the functions whose instructions an operation changed most, the largest
// change first, at most n, and none below a fiftieth of that. Each side is a short and a long run that differ by as many
// operations.
func Changed(base, head [2]Counts, operations float64, n int) (all []Function) {
	names := map[string]bool{}
	for _, c := range []Counts{base[0], base[1], head[0], head[1]} {
		for name := range c.Functions {
			names[name] = true
		}
	}
	of := func(side [2]Counts, name string) float64 {
		return (float64(side[1].Functions[name]) - float64(side[0].Functions[name])) / operations
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := Function{name, of(base, name), of(head, name)}
		if size(f.Head-f.Base) >= 0.5 {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Function) int { return cmp.Compare(size(b.Head-b.Base), size(a.Head-a.Base)) })
	all = all[:min(n, len(all))]
	for i, f := range all {
		if size(f.Head-f.Base) < size(all[0].Head-all[0].Base)/50 { // as the runtime's change by themselves
			return all[:i]
		}
	}
	return all
}

func size(v float64) float64 { return max(v, -v) }
