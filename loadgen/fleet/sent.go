package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sentCount is how many commands a server has sent to Redis.
type sentCount struct {
	commands float64
	known    bool
}

// askTime is short: a server that has no time to answer is not waited for.
const askTime = time.Second

// ask asks the server at an address; one that does not answer changes nothing.
func (c *sentCount) ask(ctx context.Context, target string) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target+"/metrics", nil)
	if err != nil {
		return
	}
	asking := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := asking.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	metrics, err := ReadMetrics(resp.Body)
	if n, told := metrics["guestload_redis_commands_sent_total"]; told && err == nil {
		*c = sentCount{n, true}
	}
}

// sent adds up what the servers have sent, 0 where one of them has not told.
func (f *Fleet) sent() (all float64) {
	for _, s := range f.Servers {
		if !s.sent.known {
			return 0
		}
		all += s.sent.commands
	}
	return all
}

// ReadMetrics reads the values without labels of a text for Prometheus, by name.
func ReadMetrics(body io.Reader) (map[string]float64, error) {
	metrics := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(body, 16<<20))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			metrics[name] = v
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return metrics, nil
}
