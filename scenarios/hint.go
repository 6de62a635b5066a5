package scenarios

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var errTooLong = errors.New("more than 7 days")

// wholeTime is a time as time.ParseDuration reads it, however large.
var wholeTime = regexp.MustCompile(`^([0-9.]+(ns|us|µs|ms|s|m|h))+$`)

// loosely is a number with the word that people write behind it.
var loosely = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) *([A-Za-z]+)$`)

// rightTime says how a time that was written in other words is written here:
// ": write 10s" for "10 seconds", "" where nobody can tell.
func rightTime(s string) string {
	if joined := strings.ReplaceAll(s, " ", ""); wholeTime.MatchString(joined) {
		return ": write " + joined
	}
	parts := loosely.FindStringSubmatch(s)
	if parts == nil {
		return ""
	}
	number, word := parts[1], strings.ToLower(parts[2])
	if word != "ms" {
		word = strings.TrimSuffix(word, "s")
	}
	if unit, known := units[word]; known {
		return ": write " + number + unit
	}
	if days, err := strconv.ParseFloat(number, 64); err == nil && (word == "d" || word == "day") {
		return ": write " + strconv.FormatFloat(24*min(days, 7), 'f', -1, 64) + "h"
	}
	return ""
}

// units are those of time by the words for them, without the s of many.
var units = map[string]string{
	"": "s", "sec": "s", "second": "s",
	"ms": "ms", "milli": "ms", "msec": "ms", "millisecond": "ms",
	"m": "m", "min": "m", "minute": "m",
	"h": "h", "hr": "h", "hour": "h",
}

// rightCount says how a number in another notation is written: ": write 5000"
// for "5,000", "5_000" and "5e3"; else it gives an example.
func rightCount(s string) string {
	for _, mark := range []string{",", "_", "'", " "} {
		if joined := strings.ReplaceAll(s, mark, ""); joined != s && digits.MatchString(joined) {
			return ": write " + joined
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if strings.ContainsAny(s, "eE") && !strings.ContainsAny(s, "xX") && err == nil && n >= 1 && n <= maxGuests && n == math.Trunc(n) {
		return ": write " + strconv.FormatFloat(n, 'f', 0, 64)
	}
	return ", like 5000"
}

var (
	digits = regexp.MustCompile(`^[0-9]+$`)
	dashed = regexp.MustCompile(`^([0-9][0-9a-zµ.]*) *(-|–|—|to|\.\.+|…) *([0-9][0-9a-zµ.]*)$`)
)

// rightRange is how a range is written, where s is one in another notation: with
// a dash, with spaces, or with the unit behind its end alone. "" where s is none.
func rightRange(s string) string {
	parts := dashed.FindStringSubmatch(s)
	if parts == nil {
		return ""
	}
	low, high := parts[1], parts[3]
	if _, bare := decimal(low); bare {
		if d, err := time.ParseDuration(high); err == nil && d > 0 {
			low += strings.TrimLeft(high, "0123456789.")
		}
	}
	if right := low + ".." + high; right != s {
		return right
	}
	return ""
}
