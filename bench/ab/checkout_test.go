package ab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guestload/bench/ab/abtest"
)

const program = "package main\n\nfunc main() {}\n"

// upstream is a repository with three commits, the last of them on branch topic, which
// left main at the second.
func upstream(t *testing.T) string {
	t.Helper()
	dir := abtest.Repository(t, map[string]string{"server/main.go": program, "marker.txt": "one", "loadgen/main.go": program})
	abtest.Shell(t, dir, "git", "branch", "-M", "main")
	abtest.Write(t, dir, map[string]string{"marker.txt": "two"})
	abtest.Commit(t, dir, nil)
	abtest.Shell(t, dir, "git", "checkout", "-q", "-b", "topic")
	abtest.Write(t, dir, map[string]string{"marker.txt": "three"})
	abtest.Commit(t, dir, nil)
	return dir
}

// clone clones upstream the way a CI system does.
func clone(t *testing.T, from string, args ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "check out") // with a blank, as some runners have
	abtest.Shell(t, t.TempDir(), "git", append(append([]string{"clone", "-q"}, args...), "file://"+from, to)...)
	return to
}

// exported is marker.txt of a revision, or the error.
func exported(t *testing.T, w *Workshop, ref string) (string, error) {
	t.Helper()
	tree, err := w.Export(t.Context(), ref)
	if err != nil {
		return "", err
	}
	return read(t, filepath.Join(tree.Dir, "marker.txt")), nil
}

func TestCheckoutsOfCISystems(t *testing.T) {
	from := upstream(t)
	for name, c := range map[string]struct {
		checkout func(t *testing.T) string
		base     string // its marker, or part of the error
		fork     string // likewise of the merge base with main
		missing  bool   // base is an error
		repaired bool   // the command in the error helps
	}{
		"whole clone": {func(t *testing.T) string { return clone(t, from) }, "did you mean origin/main?", "two", true, false},
		"depth 1": {func(t *testing.T) string { return clone(t, from, "--depth", "1") },
			"which is shallow: git fetch --unshallow origin", "which is shallow", true, true},
		"depth 1, all branches": {func(t *testing.T) string { return clone(t, from, "--depth", "1", "--no-single-branch") },
			"which is shallow", "the commit that HEAD and origin/main share is not in this clone, which is shallow", true, true},
		"single branch": {func(t *testing.T) string { return clone(t, from, "--single-branch") },
			"which has a single branch: git fetch origin", "which has a single branch", true, true},
		"partial clone": {func(t *testing.T) string {
			dir := clone(t, from, "--filter=blob:none")
			abtest.Shell(t, dir, "git", "branch", "-q", "main", "origin/main")
			return dir
		}, "two", "two", false, false},
		"detached head": {func(t *testing.T) string {
			dir := clone(t, from)
			abtest.Shell(t, dir, "git", "checkout", "-q", "--detach")
			abtest.Shell(t, dir, "git", "branch", "-q", "-D", "topic")
			return dir
		}, "did you mean origin/main?", "two", true, false},
		"merge of a pull request": {func(t *testing.T) string {
			dir := clone(t, from)
			abtest.Shell(t, dir, "git", "checkout", "-q", "--detach", "origin/main")
			abtest.Shell(t, dir, "git", "-c", "user.name=tester", "-c", "user.email=tester@example.org", "merge", "-q", "--no-ff", "-m", "merge", "origin/topic")
			abtest.Shell(t, dir, "git", "branch", "-q", "main", "origin/main")
			return dir
		}, "two", "two", false, false},
		"linked worktree": {func(t *testing.T) string {
			dir := clone(t, from)
			abtest.Shell(t, dir, "git", "worktree", "add", "-q", "-b", "main", "../other tree", "origin/main")
			return filepath.Join(filepath.Dir(dir), "other tree")
		}, "two", "two", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.checkout(t)
			w := open(t, dir)
			if _, err := exported(t, w, ""); err != nil {
				t.Errorf("the working tree: %v", err)
			}
			got, err := exported(t, w, "main")
			switch {
			case c.missing && (!errors.Is(err, ErrRevision) || !strings.Contains(err.Error(), c.base)):
				t.Errorf("main: %v, want %q in it", err, c.base)
			case !c.missing && (err != nil || got != c.base):
				t.Errorf("main is %q, %v; want %q", got, err, c.base)
			}
			if c.repaired {
				_, command, _ := strings.Cut(err.Error(), ": git ")
				command, _, _ = strings.Cut(command, " fetches")
				abtest.Shell(t, dir, "sh", "-c", "git "+command)
				if got, err := exported(t, w, "origin/main"); err != nil || got != "two" {
					t.Errorf("after git %s: %q, %v", command, got, err)
				}
			}
			fork, err := w.MergeBase(t.Context(), "main")
			if err == nil {
				fork, err = exported(t, w, fork)
			}
			if want := c.fork; c.repaired {
				if fork != "two" || err != nil {
					t.Errorf("the merge base with main is %q, %v", fork, err)
				}
			} else if fork != want {
				t.Errorf("the merge base with main is %q, %v; want %q", fork, err, want)
			}
		})
	}
}

// Before they are completed, incomplete clones name the merge base as what is missing.
func TestMergeBasesThatAreNotThere(t *testing.T) {
	from := upstream(t)
	for args, want := range map[string]string{
		"--depth=1":                    "which is shallow",
		"--depth=1 --no-single-branch": "the commit that HEAD and origin/main share is not in this clone, which is shallow",
		"--single-branch":              "which has a single branch",
	} {
		w := open(t, clone(t, from, strings.Fields(args)...))
		if _, err := w.MergeBase(t.Context(), "main"); !errors.Is(err, ErrRevision) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", args, err, want)
		}
	}
	dir := clone(t, from)
	abtest.Shell(t, dir, "git", "checkout", "-q", "--orphan", "alone")
	abtest.Commit(t, dir, nil)
	if _, err := open(t, dir).MergeBase(t.Context(), "main"); err == nil || !strings.Contains(err.Error(), "no commit in common") {
		t.Errorf("an orphan: %v", err)
	}
}

func TestWorkingTreesInEveryState(t *testing.T) {
	from := upstream(t)
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   map[string]string
		clean  bool
	}{
		"untracked files hidden by configuration": {func(t *testing.T, dir string) {
			abtest.Shell(t, dir, "git", "config", "status.showUntrackedFiles", "no")
			abtest.Write(t, dir, map[string]string{"a b/new\tfile.txt": "new"})
		}, map[string]string{"a b/new\tfile.txt": "new"}, false},
		"sparse checkout": {func(t *testing.T, dir string) {
			abtest.Shell(t, dir, "git", "sparse-checkout", "set", "--no-cone", "server/")
		}, map[string]string{"loadgen/main.go": program, "marker.txt": "three"}, true},
		"merge in conflict": {func(t *testing.T, dir string) {
			abtest.Shell(t, dir, "git", "checkout", "-q", "-b", "other", "origin/main")
			abtest.Write(t, dir, map[string]string{"marker.txt": "other"})
			abtest.Commit(t, dir, nil)
			abtest.Shell(t, dir, "sh", "-c", "! git -c user.name=t -c user.email=t@example.org merge -q topic >/dev/null")
		}, map[string]string{"server/main.go": program}, false},
		"file in the place of a folder": {func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "loadgen")); err != nil {
				t.Fatal(err)
			}
			abtest.Write(t, dir, map[string]string{"loadgen": "a file"})
		}, map[string]string{"loadgen": "a file"}, false},
		"broken symbolic link": {func(t *testing.T, dir string) {
			if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"marker.txt": "three"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := clone(t, from)
			c.change(t, dir)
			tree, err := open(t, dir).Export(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if clean := !strings.HasSuffix(tree.Commit, "+changes"); clean != c.clean {
				t.Errorf("it is called %s", tree)
			}
			for file, want := range c.want {
				if got := read(t, filepath.Join(tree.Dir, file)); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
		})
	}
}

func TestPlacesWithoutARepositoryAreExplained(t *testing.T) {
	from := upstream(t)
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(from))
	for name, c := range map[string]struct {
		dir  func(t *testing.T) string
		want string
	}{
		"source archive": {func(t *testing.T) string { return t.TempDir() }, "not a git repository: the gate compares revisions"},
		"bare":           {func(t *testing.T) string { return clone(t, from, "--bare") }, "bare"},
		"foreign owner": {func(t *testing.T) string {
			if os.Getuid() != 0 {
				t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1") // git's own switch for its tests
				return clone(t, from)
			}
			dir := clone(t, from)
			abtest.Shell(t, dir, "chown", "-R", "65534", ".")
			return dir
		}, "git config --global --add safe.directory"},
		"no git": {func(t *testing.T) string {
			dir := clone(t, from)
			t.Setenv("PATH", t.TempDir())
			return dir
		}, "install git"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
			dir := c.dir(t)
			t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
			if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, c.want)
			}
		})
	}
	empty := t.TempDir()
	abtest.Shell(t, empty, "git", "init", "-q")
	if _, err := open(t, empty).Export(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no commit yet") {
		t.Errorf("a repository without commits: %v", err)
	}
}

func TestWhatABuildNeedsOfTheMachineIsNamed(t *testing.T) {
	w := open(t, upstream(t))
	tree, err := w.Export(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", t.TempDir())
	if _, err := w.Build(t.Context(), tree); err == nil || errors.Is(err, ErrBuild) || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("no go: %v", err)
	}
	t.Setenv("PATH", path)
	b := &Build{Tree: tree, Benchmarks: filepath.Join(tree.Dir, "marker.txt")} // a file that may not be run
	if err := os.Mkdir(filepath.Join(tree.Dir, "bench"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Run(t.Context(), "Loop", Effort{Time: 1, Slices: 1}); err == nil || !strings.Contains(err.Error(), "noexec") {
		t.Errorf("a folder mounted noexec: %v", err)
	}
}
