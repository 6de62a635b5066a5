package ab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// exportWorkingTree copies what is on disk and known to git or new to it. Ignored files
// stay behind; files that a sparse checkout leaves out come from the index.
func (w *Workshop) exportWorkingTree(ctx context.Context, t Tree) (Tree, error) {
	t.Name = WorkingTree
	failed := func(err error) (Tree, error) { return t, fmt.Errorf("export the working tree: %w", err) }
	commit, err := w.resolve(ctx, "HEAD")
	if err != nil {
		return failed(err)
	}
	t.Commit = commit
	changes, err := git(ctx, w.repo, "status", "--porcelain", "--untracked-files=normal")
	if err != nil {
		return failed(err)
	}
	if len(changes) > 0 {
		t.Commit += "+changes"
	}
	// -t tells which files a sparse checkout skips (S). A file in conflict is listed
	// once a side.
	names, err := git(ctx, w.repo, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return failed(err)
	}
	var skipped bytes.Buffer
	seen := map[string]bool{}
	for entry := range strings.SplitSeq(string(names), "\x00") {
		status, name, ok := strings.Cut(entry, " ")
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		err := copyFile(filepath.Join(w.repo, name), filepath.Join(t.Dir, name))
		switch missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR); {
		case missing && status == "S":
			skipped.WriteString(name + "\x00")
		case err != nil && !missing:
			return failed(err)
		}
	}
	if skipped.Len() > 0 {
		_, err := gitWith(ctx, w.repo, &skipped, "checkout-index", "--ignore-skip-worktree-bits", "--prefix="+t.Dir+"/", "-z", "--stdin")
		if err != nil {
			return failed(err)
		}
	}
	return t, nil
}
