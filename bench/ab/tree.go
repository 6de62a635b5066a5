package ab

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Workshop is a temporary folder with the trees and programs of revisions. Close
// removes it.
//
// The trees are exported, not checked out with git worktree: so git never knows
// of them, and not even kill -9 leaves an entry in the repository.
type Workshop struct {
	repo string
	dir  string
	made int
}

// Open makes a workshop for the repository that dir lies in.
func Open(ctx context.Context, dir string) (*Workshop, error) {
	repo, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	temp, err := os.MkdirTemp("", "guestload-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return &Workshop{repo: strings.TrimSuffix(string(repo), "\n"), dir: temp}, nil
}

// Close removes all that the workshop holds.
func (w *Workshop) Close() error { return os.RemoveAll(w.dir) }

// Repo is the repository's folder.
func (w *Workshop) Repo() string { return w.repo }

// Dir is the workshop's folder, for what should go away with it.
func (w *Workshop) Dir() string { return w.dir }

// Tree is the files of one revision.
type Tree struct {
	Dir    string
	Name   string // what it was asked for as: a ref, or "working tree"
	Commit string // short hash; with "+changes" for a working tree that has some
}

// String names the tree for people.
func (t Tree) String() string {
	if t.Name == t.Commit {
		return t.Name
	}
	return t.Name + " (" + t.Commit + ")"
}

// WorkingTree is the name of what is not committed yet.
const WorkingTree = "working tree"

// Export writes the files of a revision into the workshop: of a commit, or, for
// the empty ref, of the working tree with all changes that are not committed.
func (w *Workshop) Export(ctx context.Context, ref string) (Tree, error) {
	w.made++
	t := Tree{Dir: filepath.Join(w.dir, fmt.Sprintf("tree%d", w.made)), Name: ref}
	if err := os.Mkdir(t.Dir, 0o755); err != nil {
		return t, fmt.Errorf("export: %w", err)
	}
	if ref == "" {
		return w.exportWorkingTree(ctx, t)
	}
	var err error
	if t.Commit, err = w.resolve(ctx, ref); err != nil {
		return t, err
	}
	archive, err := git(ctx, w.repo, "archive", "--format=tar", t.Commit)
	if err != nil {
		return t, fmt.Errorf("export %s: %w", ref, err)
	}
	if err := unpack(t.Dir, bytes.NewReader(archive)); err != nil {
		return t, fmt.Errorf("export %s: %w", ref, err)
	}
	return t, nil
}

// Discard removes a tree that is of no use any more, programs and all.
func (w *Workshop) Discard(t Tree) error { return os.RemoveAll(t.Dir) }

// Has reports whether the tree has a file that matches the pattern.
func (t Tree) Has(pattern string) bool {
	found, err := fs.Glob(os.DirFS(t.Dir), pattern)
	return err == nil && len(found) > 0
}

func unpack(dir string, archive io.Reader) error {
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		case tar.TypeReg:
			err = writeFile(path, r, h.FileInfo().Mode())
		}
		if err != nil {
			return err
		}
	}
}

// copyFile copies a file or a symbolic link of a working tree; anything else, such as
// a repository within this one, is left out.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Symlink(target, to))
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeFile(to, f, info.Mode())
}

func writeFile(path string, from io.Reader, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
