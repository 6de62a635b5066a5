package scenarios

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"guestload/scenarios/operation"
	"guestload/scenarios/rule"
)

func metrics() []string {
	return []string{"response", "service", "lag", "rate", "failures", "violations", "unmatched",
		"server cpu", "server memory", "loadgen cpu", "loadgen memory", "redis cpu", "redis memory",
		"fallback", "recovery", "ghosts"}
}

// ThresholdError says where in an expression the reading stopped, and why.
type ThresholdError struct {
	Expression string
	Column     int // from 1, in characters
	Message    string
}

// Error returns the expression's fault with its column.
func (e *ThresholdError) Error() string {
	return fmt.Sprintf("threshold %q, column %d: %s", e.Expression, e.Column, e.Message)
}

// ParseThreshold reads one expression, such as "response(create) p99 < 200ms"
// or "failures < 0.1% in any 5s". Every error is a *ThresholdError.
func ParseThreshold(expression string) (Threshold, error) {
	p := &thresholdParser{}
	for _, at := range thresholdTokens.FindAllStringIndex(expression, -1) {
		column := len([]rune(expression[:at[0]])) + 1
		p.tokens = append(p.tokens, token{expression[at[0]:at[1]], column})
	}
	p.end = token{"", len([]rune(strings.TrimRight(expression, " "))) + 1}
	p.t.Expression = strings.TrimSpace(expression)
	if err := p.parse(); err != nil {
		var at *ThresholdError
		if errors.As(err, &at) {
			at.Expression = expression
		}
		return Threshold{}, err
	}
	return p.t, nil
}

var thresholdTokens = regexp.MustCompile(`[()]|[<>=!≤≥]+|[^\s()<>=!≤≥]+`)

type token struct {
	text   string
	column int
}

func (t token) fault(format string, args ...any) error {
	return &ThresholdError{Column: t.column, Message: fmt.Sprintf(format, args...)}
}

func (t token) String() string {
	if t.text == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

type thresholdParser struct {
	tokens []token
	end    token
	t      Threshold
}

func (p *thresholdParser) peek() token {
	if len(p.tokens) == 0 {
		return p.end
	}
	return p.tokens[0]
}

func (p *thresholdParser) next() token {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *thresholdParser) parse() error {
	for _, part := range []func() error{p.metric, p.subject, p.stat, p.comparison, p.value, p.window} {
		if err := part(); err != nil {
			return err
		}
	}
	if rest := p.next(); rest.text != "" {
		return rest.fault("found %v after a complete threshold: only \"in any 5s\" may follow the value", rest)
	}
	return nil
}

func (p *thresholdParser) metric() error {
	first := p.next()
	switch m := Metric(first.text); m {
	case MetricResponse, MetricService, MetricLag, MetricRate, MetricFailures, MetricViolations, MetricUnmatched,
		MetricFallback, MetricRecovery, MetricGhosts:
		p.t.Metric = m
		return nil
	}
	if slices.Contains([]string{"server", "loadgen", "redis"}, first.text) {
		what := p.next()
		if what.text != "cpu" && what.text != "memory" {
			return what.fault("found %v after %q: %s", what, first.text, instead(what.text, []string{"cpu", "memory"}))
		}
		p.t.Process, p.t.Metric = first.text, Metric(what.text)
		return nil
	}
	return first.fault("found %v where a metric begins: %s", first, instead(first.text, metrics()))
}

// subject reads what stands in parentheses after the metric.
func (p *thresholdParser) subject() error {
	m := p.t.Metric
	perOperation := slices.Contains([]Metric{MetricResponse, MetricService, MetricLag, MetricRate}, m)
	open := p.peek()
	if open.text != "(" {
		if perOperation {
			return open.fault("%s is of one operation: write %s(create); operations are %s", m, m, strings.Join(operation.Names(), ", "))
		}
		return nil
	}
	if !perOperation && m != MetricFailures && m != MetricViolations {
		return open.fault("%s takes nothing in parentheses", m)
	}
	p.next()
	name := p.next()
	switch {
	case m == MetricViolations && !slices.Contains(rule.IDs(), name.text):
		return name.fault("unknown rule %v: %s", name, instead(name.text, rule.IDs()))
	case m == MetricViolations:
		p.t.Rule = name.text
	case !slices.Contains(operation.Names(), name.text):
		return name.fault("unknown operation %v: %s", name, instead(name.text, operation.Names()))
	default:
		p.t.Operation = name.text
	}
	if end := p.next(); end.text != ")" {
		return end.fault("found %v where a \")\" belongs", end)
	}
	return nil
}

// percentile reads p50, p99.9, and without its point p999; p100 is none.
var percentile = regexp.MustCompile(`^p(?:([0-9]{2})(?:\.([0-9]{1,3}))?|(99)([0-9]{1,3}))$`)

func (p *thresholdParser) stat() error {
	timed := p.t.Metric == MetricResponse || p.t.Metric == MetricService || p.t.Metric == MetricLag
	s := p.peek()
	if !timed {
		if s.text == "mean" || s.text == "max" || percentile.MatchString(s.text) {
			return s.fault("%s is one number and has no %s: write the comparison here", p.t.Metric, s.text)
		}
		return nil
	}
	p.next()
	if s.text == "mean" || s.text == "max" {
		p.t.Stat = Stat(s.text)
		return nil
	}
	digits := percentile.FindStringSubmatch(s.text)
	if digits == nil || digits[1] == "00" {
		return s.fault("found %v where a percentile, mean or max belongs: for example p50, p99, p999 (99.9 %%)", s)
	}
	p.t.Stat = Stat("p" + strings.Join(digits[1:], ""))
	return nil
}

func (p *thresholdParser) comparison() error {
	c := p.next()
	switch Comparison(c.text) {
	case Below, AtMost, Above, AtLeast, Equals:
		p.t.Comparison = Comparison(c.text)
		return nil
	}
	spelled := map[string]Comparison{"=": Equals, "=<": AtMost, "≤": AtMost, "=>": AtLeast, "≥": AtLeast, "===": Equals}
	if right, ok := spelled[c.text]; ok {
		return c.fault("found %v where a comparison belongs: did you mean %q?", c, right)
	}
	return c.fault("found %v where a comparison belongs: it is one of <, <=, >, >=, ==", c)
}

func (p *thresholdParser) window() error {
	word := p.peek()
	if word.text == "" {
		return nil
	}
	if word.text != "in" {
		return nil // parse says what may follow
	}
	p.next()
	if anyWord := p.next(); anyWord.text != "any" {
		return anyWord.fault("found %v after \"in\": a window is written \"in any 5s\"", anyWord)
	}
	size := p.next()
	switch p.t.Metric {
	case MetricViolations, MetricUnmatched, MetricCPU, MetricMemory, MetricFallback, MetricRecovery, MetricGhosts:
		return word.fault("%s is known over the whole run only: leave out \"in any ...\"", p.t.Metric)
	}
	d, err := parseDuration(size.text)
	if err != nil {
		return size.fault("found %v where the window's length belongs: %v", size, err)
	}
	if d < time.Second || d > time.Hour || d%time.Second != 0 {
		return size.fault("found a window of %v: windows are whole seconds, from 1s to 1h", size)
	}
	p.t.Window = d
	return nil
}
