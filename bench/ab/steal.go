package ab

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// Times are the machine's CPU times so far, in ticks.
type Times struct{ all, steal float64 }

// MachineTimes reads them from /proc/stat; where there is none, Steal is unknown.
func MachineTimes() Times {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Times{}
	}
	return timesOf(string(text))
}

// timesOf reads the first line: cpu user nice system idle iowait irq softirq steal guest …
func timesOf(stat string) (t Times) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	const steal = 8
	if len(fields) <= steal || fields[0] != "cpu" {
		return Times{}
	}
	for i, f := range fields[1 : steal+1] { // guest time is in user time already
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return Times{}
		}
		t.all += v
		if i+1 == steal {
			t.steal = v
		}
	}
	return t
}

// Load is how many processes want to run, on average over the last minute; NaN where that
// is not known.
func Load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return math.NaN()
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// Steal is the share of all CPU time since an earlier moment that the machine's host took
// for others; NaN where that is not known.
func (t Times) Steal(since Times) float64 {
	if t.all <= since.all || since.all == 0 {
		return math.NaN()
	}
	return (t.steal - since.steal) / (t.all - since.all)
}
