package scale

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Garbage is what collecting it took of a server so far.
type Garbage struct {
	Share float64 // of the CPU time that the process used, 0 to 1; what idle cores gave is in it
	// How long everybody was stopped for it, of all stops: the longest, the 99th
	// percentile, and the longest that a stop waited for the last thread to notice.
	Longest, P99, Waiting time.Duration
}

// garbage asks a server's /metrics.
func garbage(ctx context.Context, address string) (g Garbage, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return g, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return g, err
	}
	defer resp.Body.Close()
	const (
		longest = `guestload_garbage_stop_seconds{part="whole",quantile="1"}`
		p99     = `guestload_garbage_stop_seconds{part="whole",quantile="0.99"}`
		waiting = `guestload_garbage_stop_seconds{part="waiting",quantile="1"}`
		gc      = "go_cpu_classes_gc_total_cpu_seconds_total"
		all     = "go_cpu_classes_total_cpu_seconds_total"
		idle    = "go_cpu_classes_idle_cpu_seconds_total"
	)
	values := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case longest, p99, waiting, gc, all, idle:
			if values[name], err = strconv.ParseFloat(value, 64); err != nil {
				return g, fmt.Errorf("/metrics: %s: %w", name, err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return g, err
	}
	if len(values) != 6 || values[all] <= values[idle] {
		return g, fmt.Errorf("/metrics tells %v: not what garbage takes", values)
	}
	seconds := func(name string) time.Duration { return time.Duration(values[name] * float64(time.Second)) }
	return Garbage{Share: values[gc] / (values[all] - values[idle]), Longest: seconds(longest), P99: seconds(p99), Waiting: seconds(waiting)}, nil
}
