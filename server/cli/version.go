package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version describes a program in one line from its build information: its name, the
// module's version or the commit ("+changes" for a tree with uncommitted ones), the Go
// version and the platform.
func Version(program string) string {
	revision := "unknown revision" // go run and -buildvcs=false record none
	if info, ok := debug.ReadBuildInfo(); ok {
		revision = revisionOf(info, revision)
	}
	return fmt.Sprintf("%s %s, %s %s/%s", program, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func revisionOf(info *debug.BuildInfo, unknown string) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if commit == "" {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			return v
		}
		return unknown
	}
	if settings["vcs.modified"] == "true" {
		commit += "+changes"
	}
	return fmt.Sprintf("commit %s of %s", commit, settings["vcs.time"])
}
