package results

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Unknown stands where the machine would not say.
const Unknown = "unknown"

// Here describes the machine and the program; target, transport and storage
// are the caller's to fill in.
func Here(ctx context.Context) Environment {
	return Environment{
		Commit: commit(ctx), Go: runtime.Version(), OS: system(),
		CPU: processor(ctx), CPUs: runtime.NumCPU(),
	}
}

// commit is the revision that the program was built from, with "-dirty" where
// the tree had changes. `go run` does not stamp it, so there git is asked,
// provided that the working directory is this program's own tree.
func commit(ctx context.Context) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Unknown
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += "-dirty"
		}
		return revision
	}
	root := ask(ctx, "git", "rev-parse", "--show-toplevel")
	mod, err := os.ReadFile(root + "/go.mod")
	if root == "" || err != nil || info.Main.Path == "" || !strings.HasPrefix(string(mod), "module "+info.Main.Path+"\n") {
		return Unknown
	}
	revision := ask(ctx, "git", "rev-parse", "HEAD")
	if revision == "" {
		return Unknown
	}
	if ask(ctx, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		revision += "-dirty"
	}
	return revision
}

func system() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		name += " " + strings.TrimSpace(string(release))
	}
	return name
}

func processor(ctx context.Context) string {
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(model)
			}
		}
	}
	if runtime.GOOS == "darwin" {
		if model := ask(ctx, "sysctl", "-n", "machdep.cpu.brand_string"); model != "" {
			return model
		}
	}
	return Unknown
}

// ask runs a program for its one-line answer; "" where there is none.
func ask(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
