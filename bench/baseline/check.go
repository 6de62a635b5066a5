package baseline

import (
	"context"
	"fmt"
	"io"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

// Check compares the hard metrics of a build with the stored values and says what differs.
func (b File) Check(ctx context.Context, head *ab.Build, metrics []gate.Metric, stdout io.Writer) (same bool, err error) {
	toolchain, err := head.Toolchain()
	if err != nil {
		return false, err
	}
	metrics, note := b.Comparable(metrics, toolchain)
	values := b.Values
	if note != "" {
		fmt.Fprintln(stdout, note)
		values = only(values, metrics)
	}
	got, err := Measure(ctx, head, metrics)
	if err != nil {
		return false, err
	}
	changes := tell(differences(metrics, values, got), stdout)
	if len(changes) > 0 {
		fmt.Fprintf(stdout, "\nif that is intended: bench baseline update --why \"…\"\n")
		return false, nil
	}
	fmt.Fprintf(stdout, "all %d hard metrics equal their baselines\n", len(got))
	return true, nil
}

// Update measures the hard metrics of a build, says what differs from the stored values,
// and stores them with the reason.
func (b File) Update(ctx context.Context, head *ab.Build, metrics []gate.Metric, why, repo string, stdout io.Writer) error {
	toolchain, err := head.Toolchain()
	if err != nil {
		return err
	}
	got, err := Measure(ctx, head, metrics)
	if err != nil {
		return err
	}
	changes := tell(differences(metrics, b.Values, got), stdout)
	if len(changes) == 0 && b.Go == toolchain {
		fmt.Fprintf(stdout, "all %d hard metrics equal their baselines\n", len(got))
		return nil
	}
	return File{
		Go: toolchain, Values: got,
		Updates: append([]Update{{time.Now().UTC().Format(time.DateOnly), head.Tree.Commit, why, changes}}, b.Updates...),
	}.Write(repo)
}

func tell(lines []string, stdout io.Writer) []string {
	for _, line := range lines {
		fmt.Fprintln(stdout, line)
	}
	return lines
}

// only are the values of these metrics.
func only(values map[string]float64, metrics []gate.Metric) map[string]float64 {
	left := map[string]float64{}
	for _, m := range metrics {
		if v, ok := values[m.Name]; ok {
			left[m.Name] = v
		}
	}
	return left
}

// differences tells what is not as it was, one line a metric.
func differences(metrics []gate.Metric, old, got map[string]float64) (lines []string) {
	for _, m := range metrics {
		was, known := old[m.Name]
		switch now := got[m.Name]; {
		case !known:
			lines = append(lines, fmt.Sprintf("%s: %g %s, new", m.Name, now, m.Unit))
		case now != was:
			word := "worse"
			if now < was != m.More {
				word = "better"
			}
			lines = append(lines, fmt.Sprintf("%s: %g → %g %s, %s", m.Name, was, now, m.Unit, word))
		}
	}
	for name, was := range old {
		if _, still := got[name]; !still {
			lines = append(lines, fmt.Sprintf("%s: was %g, is in the policy no more", name, was))
		}
	}
	return lines
}
