package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what a scenario may ask for: beyond them lies a slip of the pen.
const (
	maxDuration = 7 * 24 * time.Hour
	maxRate     = 1e6 // arrivals a second
	maxGuests   = 1e8
	maxCount    = 1e6 // of messages, and values of a feed
	maxLength   = 1000
)

// parseDuration reads "5s", "200ms", "1m30s". It is at least 0.
func parseDuration(s string) (time.Duration, error) {
	if _, ok := decimal(s); ok {
		return 0, fmt.Errorf("a time has a unit: write %ss or %sms", s, s)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && wholeTime.MatchString(s):
		return 0, errTooLong
	case err != nil:
		return 0, errors.New("a time is written like 200ms, 5s or 1m30s" + rightTime(s))
	case d < 0:
		return 0, errors.New("a time is not negative")
	case d > maxDuration:
		return 0, errTooLong
	}
	return d, nil
}

// parseRate reads "20/s", "600/min" or "0.5/s" as events a second, at least 0.
func parseRate(s string) (float64, error) {
	number, unit, _ := strings.Cut(s, "/")
	seconds := map[string]float64{"s": 1, "min": 60, "h": 3600}[unit]
	n, ok := decimal(number)
	switch {
	case !ok || seconds == 0:
		return 0, errors.New("a rate is written like 20/s, 600/min or 90/h")
	case n/seconds > maxRate:
		return 0, errors.New("more than a million a second")
	}
	return n / seconds, nil
}

// parseCount reads a whole number of at least 1.
func parseCount(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	switch {
	case errors.Is(err, strconv.ErrRange) && s[0] != '-':
		return 0, fmt.Errorf("at most %d", most)
	case err != nil:
		return 0, errors.New("a count is a whole number in plain digits" + rightCount(s))
	case n < 1:
		return 0, errors.New("a count is at least 1")
	case n > most:
		return 0, fmt.Errorf("at most %d", most)
	}
	return n, nil
}

// quantity says how the values of a draw are written and what they may be.
type quantity struct {
	times    bool    // seconds, else whole numbers
	positive bool    // a time of 0 is refused
	min, max float64 // what a drawn value is held to; max 0: no limit
}

func (q quantity) example() string {
	if q.times {
		return "exponential mean 500ms max 5s, or lognormal median 400ms sigma 0.5 max 10s"
	}
	return "exponential mean 4 max 20, or lognormal median 4 sigma 0.5 max 20"
}

func (q quantity) parse(s string) (float64, error) {
	if q.times {
		d, err := parseDuration(s)
		if err == nil && d == 0 && q.positive {
			err = errors.New("it is above 0")
		}
		return d.Seconds(), err
	}
	most := int(maxCount)
	if q.max > 0 {
		most = int(q.max)
	}
	n, err := parseCount(s, most)
	return float64(n), err
}

// parseDraw reads one of the forms of a draw, but for lists, which are YAML's.
func (q quantity) parseDraw(s string) (Draw, error) {
	d := Draw{Whole: !q.times, Min: q.min, Max: q.max}
	if strings.Contains(s, "(") {
		return d, fmt.Errorf("a distribution has no parentheses or commas: write it like %s", q.example())
	}
	if right := rightRange(s); right != "" {
		return d, fmt.Errorf("a range is written %s", right)
	}
	low, high, isRange := strings.Cut(s, "..")
	var err error
	switch words := strings.Fields(s); {
	case isRange:
		d.Form = Range
		if d.A, err = q.parse(low); err != nil {
			return d, err
		}
		if d.B, err = q.parse(high); err != nil {
			return d, err
		}
		if d.A == d.B { // one value, however it is written
			d.Form, d.B = Constant, 0
			return d, nil
		}
		if d.A > d.B {
			return d, fmt.Errorf("a range goes from the smaller to the larger: write %s..%s", high, low)
		}
		return d, nil
	case len(words) > 1 || q.times && onlyLetters.MatchString(s):
		return q.parseDistribution(words, d)
	}
	d.A, err = q.parse(s)
	return d, err
}

var onlyLetters = regexp.MustCompile(`^[a-z]+$`)

// parseDistribution reads a name and its parameters, each a word and a value.
func (q quantity) parseDistribution(words []string, d Draw) (Draw, error) {
	var center string // the parameter that becomes A
	switch words[0] {
	case "exponential":
		d.Form, center = Exponential, "mean"
	case "lognormal":
		d.Form, center = LogNormal, "median"
	default:
		return d, fmt.Errorf("unknown distribution %q: %s", words[0], instead(words[0], []string{"exponential", "lognormal"}))
	}
	valid := []string{center, "max"}
	if d.Form == LogNormal {
		valid = []string{center, "sigma", "max"}
	}
	given := map[string]bool{}
	for i := 1; i < len(words); i += 2 {
		name := words[i]
		if !slices.Contains(valid, name) {
			return d, fmt.Errorf("%s has no %q: %s", words[0], name, instead(name, valid))
		}
		if given[name] || i+1 == len(words) {
			return d, fmt.Errorf("%s is written once, with its value, like %s", name, q.example())
		}
		given[name] = true
		if err := q.parameter(&d, name, words[i+1]); err != nil {
			return d, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range valid {
		if !given[name] && name != "max" {
			return d, fmt.Errorf("%s needs a %s: write it like %s", words[0], name, q.example())
		}
	}
	if given["max"] && d.Max < d.A {
		return d, fmt.Errorf("the max is smaller than the %s", center)
	}
	return d, nil
}

func (q quantity) parameter(d *Draw, name, value string) error {
	if name == "sigma" {
		sigma, ok := decimal(value)
		if !ok || sigma == 0 || sigma > 5 {
			return fmt.Errorf("found %q: it is a number above 0, at most 5", value)
		}
		d.B = sigma
		return nil
	}
	v, err := q.parse(value)
	if err == nil && v == 0 {
		err = errors.New("it is above 0")
	}
	if name == "max" {
		d.Max = v
	} else {
		d.A = v
	}
	return err
}
