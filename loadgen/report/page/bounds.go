package page

import "guestload/scenarios"

// bound is a threshold that can be drawn: a line in the chart of what it bounds.
type bound struct {
	Metric    string  `json:"metric"` // response, service or memory
	Operation string  `json:"op,omitempty"`
	Process   string  `json:"process,omitempty"`
	Stat      string  `json:"stat,omitempty"` // p50, p99, mean, max and so on
	X         float64 `json:"x,omitempty"`    // of a percentile 1/(1-q), as in a curve; 0 for mean and max
	At        float64 `json:"at"`             // milliseconds, or MB
	Words     string  `json:"words"`
}

// newBounds picks those that lie on an axis of one of the charts. An expression
// that cannot be read any more bounds nothing.
func newBounds(expressions []string) []bound {
	var all []bound
	for _, expression := range expressions {
		t, err := scenarios.ParseThreshold(expression)
		if err != nil {
			continue
		}
		switch t.Metric {
		case scenarios.MetricResponse, scenarios.MetricService, scenarios.MetricMemory:
			b := bound{Metric: string(t.Metric), Operation: t.Operation, Process: t.Process, Stat: string(t.Stat), At: t.Value, Words: t.Expression}
			if percent, ok := t.Stat.Percentile(); ok {
				b.X = 1 / (1 - percent/100)
			}
			all = append(all, b)
		}
	}
	return all
}
