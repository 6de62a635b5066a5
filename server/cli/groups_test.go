package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestFlagsAreExplainedInGroups(t *testing.T) {
	fs := pflag.NewFlagSet("program", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Bool("version", false, "print the version")
	fs.String("target", "", "`URL` of the server")
	fs.String("out", "", "`FOLDER` of the record")
	fs.Int("guests", 1, "how many")
	Group(fs, "Load", "target", "guests")
	Group(fs, "Output", "out")
	want := `Load:
      --target URL   URL of the server
      --guests int   how many (default 1)

Output:
      --out FOLDER   FOLDER of the record

Other:
      --version[=true|false]   print the version
`
	if got := GroupedUsages(fs); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("a group of a flag that is not defined")
		}
	}()
	Group(fs, "Load", "gusets")
}

func TestVersionsNameTheRevision(t *testing.T) {
	for want, info := range map[string]*debug.BuildInfo{
		"commit abc+changes of 2026-12-01T10:00:00Z": {Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}, {Key: "vcs.time", Value: "2026-12-01T10:00:00Z"}}},
		"v1.2.3":  {Main: debug.Module{Version: "v1.2.3"}},
		"unknown": {Main: debug.Module{Version: "(devel)"}},
	} {
		if got := revisionOf(info, "unknown"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := Version("bench"); !strings.HasPrefix(got, "bench ") || !strings.HasSuffix(got, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH) {
		t.Errorf("got %q", got)
	}
}
