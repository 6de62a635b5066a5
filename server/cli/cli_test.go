package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestLongFlagsMayHaveOneDash(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "",
		"-scenario burst":       "--scenario burst",
		"-scale=4 --json":       "--scale=4 --json",
		"-h - report":           "-h - report",
		"-a=1":                  "-a=1",
		"-quiet -- -scenario":   "--quiet -- -scenario",
		"report -x-y=-long dir": "report --x-y=-long dir",
	} {
		given := strings.Fields(args)
		before := slices.Clone(given)
		if got := strings.Join(LongDashes(given), " "); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
		if !slices.Equal(given, before) {
			t.Errorf("%q was changed to %q", before, given)
		}
	}
}

func TestUnknownFlagsAreGuessed(t *testing.T) {
	for args, want := range map[string]string{
		"--scenaro x":  "unknown flag: --scenaro: did you mean --scenario?; -h explains all",
		"--zzzzzzzzzz": "unknown flag: --zzzzzzzzzz; -h explains all",
		"--scale many": `invalid argument "many"`,
	} {
		fs := pflag.NewFlagSet("program", pflag.ContinueOnError)
		fs.String("scenario", "", "")
		fs.Float64("scale", 1, "")
		err := fs.Parse(strings.Fields(args))
		if err == nil {
			t.Fatalf("%s: no error", args)
		}
		if got := Explain(fs, err).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}
