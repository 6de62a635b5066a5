package scale

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Benchmarks runs some of package bench's for so long each, and returns their
// figures by name, without Benchmark and the number of cores, and unit.
func Benchmarks(ctx context.Context, pattern string, each time.Duration) (map[string]map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-trimpath", "-run", "^$", "-bench", pattern, "-benchtime", each.String(), "-benchmem", "guestload/bench")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test: %w: %s", err, out)
	}
	all := benchmarks(string(out))
	if len(all) == 0 {
		return nil, fmt.Errorf("no benchmark is called %s: %s", pattern, out)
	}
	return all, nil
}

var cores = regexp.MustCompile(`-\d+$`)

// benchmarks reads the standard format of Go's benchmarks.
func benchmarks(text string) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		name, ok := strings.CutPrefix(line, "Benchmark")
		if !ok || len(fields) < 4 {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		name, _, _ = strings.Cut(name, "\t")
		units := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				units[fields[i+1]] = v
			}
		}
		all[cores.ReplaceAllString(name, "")] = units
	}
	return all
}
