package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"guestload/results"
)

// verdict is an outcome in a word, and how it is to be taken.
func verdict(o results.Outcome) (word, tone string) {
	switch o {
	case results.Passed:
		return "Passed", "good"
	case results.Unjudged:
		return "Not judged", "doubt"
	case results.ThresholdsFail:
		return "Failed", "bad"
	case results.Invalid:
		return "Invalid", "doubt"
	case results.Violated:
		return "Violated", "bad"
	}
	return "No verdict", "doubt"
}

// because says in a sentence or three what the verdict rests on.
func because(r results.Record) string {
	var broken []results.ThresholdResult
	for _, t := range r.Thresholds {
		if !t.Passed {
			broken = append(broken, t)
		}
	}
	violated := r.Broken()
	var words []string
	if c := r.Capacity; c != nil {
		words = append(words, "Capacity: "+c.Headline()+".")
	}
	if violated.Times > 0 {
		words = append(words, violated.String()+".")
	}
	for _, undone := range r.Undone {
		words = append(words, strings.ToUpper(undone[:1])+undone[1:]+".")
	}
	switch held := len(r.Thresholds); {
	case len(broken) == 1:
		words = append(words, fmt.Sprintf("1 of %s broken: %s, observed %s.", results.FormatCounted(held, "threshold"), broken[0].Expression, broken[0].Observed))
	case len(broken) > 1:
		words = append(words, fmt.Sprintf("%d of %s broken.", len(broken), results.FormatCounted(held, "threshold")))
	case held == 0:
		words = append(words, "Nothing was judged: the scenario has no thresholds.")
	case held == 1:
		words = append(words, "The threshold held.")
	default:
		words = append(words, fmt.Sprintf("All %d thresholds held.", held))
	}
	if violated.Times == 0 && len(r.Undone) == 0 {
		words = append(words, "No violations were seen.")
	}
	if len(r.Invalid) > 0 {
		words = append(words, "The numbers are unreliable:")
	}
	return strings.Join(words, " ")
}

// latency writes milliseconds with a space before the unit: 3.1 ms.
func latency(ms float64) string {
	text := results.FormatMillis(ms)
	digits := strings.TrimRight(text, "µms")
	if strings.ContainsAny(digits, "hm") { // 12m5s
		return text
	}
	return digits + "\u00a0" + text[len(digits):]
}

// length writes seconds as 30.1 s, or 12m5s where it is long.
func length(seconds float64) string {
	if seconds < 120 || seconds > math.MaxInt32 {
		return fmt.Sprintf("%.1f\u00a0s", seconds)
	}
	return time.Duration(math.Round(seconds) * float64(time.Second)).String()
}
