// Package trend finds change points in the run records of a scenario.
package trend

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"guestload/results"
)

//go:generate go run github.com/valyala/quicktemplate/qtc -file page.qtpl -skipLineComments

// Trend is how a scenario's metrics changed over its records.
type Trend struct {
	Scenario string
	Labels   []string // of the records, in their order
	Series   []Series
}

// Series is one metric: its values, and which records have them.
type Series struct {
	Name   string
	Values []float64
	At     []int
	Points []ChangePoint
}

// Of finds the change points of a scenario's records, which are in their order; there is
// at least one.
func Of(scenario string, records []results.Record) Trend {
	b := builder{Trend: Trend{Scenario: scenario}}
	for _, r := range records {
		b.add(r.Started.Format("2006-01-02 15:04")+" "+r.Environment.Commit, figures(r))
	}
	return b.trend()
}

// builder collects a trend's values.
type builder struct {
	Trend
	byName map[string]*Series
}

// add takes the values of the next record, by metric.
func (b *builder) add(label string, values map[string]float64) {
	if b.byName == nil {
		b.byName = map[string]*Series{}
	}
	for name, value := range values {
		s := b.byName[name]
		if s == nil {
			s = &Series{Name: name}
			b.byName[name] = s
		}
		s.Values, s.At = append(s.Values, value), append(s.At, len(b.Labels))
	}
	b.Labels = append(b.Labels, label)
}

// trend finds the change points.
func (b *builder) trend() Trend {
	for _, name := range slices.Sorted(maps.Keys(b.byName)) {
		s := b.byName[name]
		s.Points = changePoints(s.Values)
		b.Series = append(b.Series, *s)
	}
	return b.Trend
}

// figures are a record's metrics, by name.
func figures(r results.Record) map[string]float64 {
	all := map[string]float64{}
	for name, u := range map[string]*results.Usage{"server": r.Resources.Server, "loadgen": r.Resources.Loadgen, "redis": r.Resources.Redis} {
		if u != nil {
			all[name+" CPU ms/session"], all[name+" peak MB"] = u.CPUMsPerSession, u.RSSPeakMB
		}
	}
	if s, l := r.Resources.Server, r.Resources.Loadgen; s != nil && l != nil && l.CPUSec > 0 {
		all["server CPU / loadgen CPU"] = s.CPUSec / l.CPUSec
	}
	for name, op := range r.Operations {
		if op.Count > 0 {
			all["response("+name+") p50 ms"], all["response("+name+") p99 ms"] = op.Response.P50, op.Response.P99
		}
	}
	return all
}

const (
	plotWidth, plotHeight = 720.0, 120.0
	plotMargin            = 8.0
)

// X and Y are where a value stands in its plot.
func (s Series) X(i int) float64 {
	return plotMargin + (plotWidth-2*plotMargin)*float64(i)/float64(max(1, len(s.Values)-1))
}

// Y grows downwards; the plot begins at zero, or a wobble would look like a cliff.
func (s Series) Y(i int) float64 {
	most := slices.Max(s.Values)
	if most <= 0 {
		return plotHeight - plotMargin
	}
	return plotHeight - plotMargin - (plotHeight-2*plotMargin)*s.Values[i]/most
}

// Span says how many records there are, and from when to when.
func (t Trend) Span() string {
	return fmt.Sprintf("%d records, %s to %s", len(t.Labels), t.Labels[0], t.Labels[len(t.Labels)-1])
}

// Range says what the plot's height stands for, and where it ended.
func (s Series) Range() string {
	return fmt.Sprintf("0 to %.4g, the last %.4g", max(0, slices.Max(s.Values)), s.Values[len(s.Values)-1])
}

// Line is the values as an SVG polyline's points.
func (s Series) Line() string {
	var b strings.Builder
	for i := range s.Values {
		fmt.Fprintf(&b, "%.1f,%.1f ", s.X(i), s.Y(i))
	}
	return b.String()
}

// Label says what a value is.
func (t Trend) Label(s Series, i int) string {
	return fmt.Sprintf("%s: %.4g", t.Labels[s.At[i]], s.Values[i])
}

// WritePage writes one HTML file that needs nothing else. It fails where w does.
func (t Trend) WritePage(w io.Writer) error {
	_, err := io.WriteString(w, pageHTML(&t))
	return err
}

// WriteFile writes that page to a file.
func (t Trend) WriteFile(name string) error {
	var page bytes.Buffer
	if err := t.WritePage(&page); err != nil {
		return err
	}
	return os.WriteFile(name, page.Bytes(), 0o644)
}
