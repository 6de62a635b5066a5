package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseRule reads "100/15m": so many in such a time. "off" and "0" allow
// everything.
func ParseRule(s string) (Rule, error) {
	if s == "off" || s == "0" {
		return Rule{}, nil
	}
	count, span, ok := strings.Cut(s, "/")
	if !ok {
		return Rule{}, fmt.Errorf("limit %q: want a number and a time as in 100/15m, or off", s)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 1_000_000_000 {
		return Rule{}, fmt.Errorf("limit %q: %q is not a number from 1 to 1000000000", s, count)
	}
	per, err := time.ParseDuration(span)
	if err != nil || per < time.Millisecond || per > 1000*time.Hour {
		return Rule{}, fmt.Errorf("limit %q: %q is not a time from 1ms to 1000h, such as 15m", s, span)
	}
	return Rule{Max: n, Per: per}, nil
}

// String returns what ParseRule reads.
func (r Rule) String() string {
	if r.Unlimited() {
		return "off"
	}
	return strconv.Itoa(r.Max) + "/" + shortDuration(r.Per)
}

// shortDuration prints 15m for 15m0s and 1h for 1h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
