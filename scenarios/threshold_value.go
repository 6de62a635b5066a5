package scenarios

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// value reads the number with its unit, in the unit that the metric asks for.
func (p *thresholdParser) value() error {
	v := p.next()
	var ok bool
	var want string
	switch p.t.Metric {
	case MetricResponse, MetricService, MetricLag, MetricFallback, MetricRecovery, MetricGhosts:
		p.t.Unit, want = Milliseconds, "a time, for example 200ms"
		p.t.Value, ok = milliseconds(v.text)
	case MetricRate:
		p.t.Unit, want = PerSecond, "a rate, for example 100/s"
		r, err := parseRate(v.text)
		p.t.Value, ok = r, err == nil
	case MetricFailures, MetricUnmatched:
		want = "a share or a count, for example 0.1% or 0"
		p.t.Value, p.t.Unit, ok = shareOrCount(v.text)
	case MetricViolations:
		p.t.Unit, want = Count, "a count, for example 0"
		p.t.Value, p.t.Unit, ok = shareOrCount(v.text)
		ok = ok && p.t.Unit == Count
	case MetricCPU:
		p.t.Unit, want = MsPerSession, "CPU time a session, for example 1.0ms/session"
		var perSession string
		if perSession, ok = strings.CutSuffix(v.text, "/session"); ok {
			p.t.Value, ok = milliseconds(perSession)
		}
	case MetricMemory:
		p.t.Unit, want = Megabytes, "a size, for example 500MB"
		p.t.Value, ok = megabytes(v.text)
	}
	if !ok {
		return v.fault("found %v where a value belongs: write %s", v, want)
	}
	if p.t.Value == 0 && p.t.Comparison == Below {
		return v.fault("nothing is below 0: write == 0")
	}
	return nil
}

func milliseconds(s string) (float64, bool) {
	d, err := time.ParseDuration(s)
	return float64(d) / float64(time.Millisecond), err == nil && d >= 0 && s != "0"
}

func megabytes(s string) (float64, bool) {
	for _, unit := range []struct {
		name string
		size float64
	}{{"KB", 1e-3}, {"MB", 1}, {"GB", 1e3}} {
		if digits, ok := strings.CutSuffix(s, unit.name); ok {
			n, ok := decimal(digits)
			return n * unit.size, ok && n > 0
		}
	}
	return 0, false
}

func shareOrCount(s string) (float64, Unit, bool) {
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		n, ok := decimal(percent)
		return n / 100, Share, ok && n <= 100
	}
	n, err := strconv.ParseUint(s, 10, 48)
	return float64(n), Count, err == nil
}

// decimal reads a plain number of at least 0: no sign, exponent, hexadecimal or NaN.
func decimal(s string) (float64, bool) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsInf(n, 0)
}
