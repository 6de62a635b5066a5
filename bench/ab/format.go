package ab

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Write writes one side's runs of all pairs in the Go benchmark format, which
// benchstat reads. The revision is a remark: were it a setting of the format,
// benchstat would not compare the two files.
func Write(w io.Writer, side Side, revision string, pairs []Pair) error {
	if _, err := fmt.Fprintf(w, "# %s is %s\n", side, revision); err != nil {
		return err
	}
	out := benchfmt.NewWriter(w)
	for _, p := range pairs {
		r := &benchfmt.Result{Name: benchfmt.Name(p.Name), Iters: 1}
		values := p.Runs[side]
		for _, unit := range slices.Sorted(maps.Keys(values)) {
			if unit == iterations {
				r.Iters = max(1, int(values[unit]))
				continue
			}
			r.Values = append(r.Values, benchfmt.Value{Value: values[unit], Unit: unit})
		}
		if err := out.Write(r); err != nil {
			return err
		}
	}
	return nil
}

// WriteFiles writes base.txt and head.txt, in the Go benchmark format.
func WriteFiles(dir string, builds [2]*Build, all []Pair) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, side := range Sides() {
		var text strings.Builder
		if err := Write(&text, side, builds[side].Tree.String(), all); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, side.String()+".txt"), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
