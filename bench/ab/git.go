package ab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// FetchAll is the command that gives a shallow or single-branch clone what it lacks.
const FetchAll = "git fetch %sorigin '+refs/heads/*:refs/remotes/origin/*'"

// ErrRevision: a revision is not in this clone. Wrapped with what to do about it.
var ErrRevision = errors.New("not in this clone")

// resolve returns the short hash of a commit.
func (w *Workshop) resolve(ctx context.Context, ref string) (commit string, err error) {
	out, err := git(ctx, w.repo, "rev-parse", "--short", "--verify", "--end-of-options", ref+"^{commit}")
	if err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return "", fmt.Errorf("revision %q: %w", ref, w.absent(ctx, ref))
}

// absent explains why a revision cannot be found, and what to do.
func (w *Workshop) absent(ctx context.Context, ref string) error {
	remote := "origin/" + ref
	switch {
	case !w.holds(ctx, "HEAD"):
		return fmt.Errorf("%w: it has no commit yet", ErrRevision)
	case w.isShallow(ctx):
		return fmt.Errorf("%w, which is shallow: "+FetchAll+" fetches the rest (actions/checkout: fetch-depth: 0)", ErrRevision, "--unshallow ")
	case w.holds(ctx, remote):
		return fmt.Errorf("%w: did you mean %s?", ErrRevision, remote)
	case w.hasOneBranch(ctx):
		return fmt.Errorf("%w, which has a single branch: "+FetchAll+" fetches the others", ErrRevision, "")
	}
	return fmt.Errorf("%w: git rev-parse knows no commit, branch or tag of this name", ErrRevision)
}

func (w *Workshop) holds(ctx context.Context, ref string) bool {
	_, err := git(ctx, w.repo, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	return err == nil
}

func (w *Workshop) isShallow(ctx context.Context) bool {
	out, err := git(ctx, w.repo, "rev-parse", "--is-shallow-repository")
	return err == nil && strings.TrimSpace(string(out)) == "true"
}

// hasOneBranch reports whether the clone fetches one branch of origin only.
func (w *Workshop) hasOneBranch(ctx context.Context) bool {
	out, err := git(ctx, w.repo, "config", "--get-all", "remote.origin.fetch")
	return err == nil && !strings.Contains(string(out), "*")
}

// MergeBase is the commit at which HEAD left a branch; where the branch is only known
// as origin's, that is taken.
func (w *Workshop) MergeBase(ctx context.Context, branch string) (commit string, err error) {
	for _, ref := range []string{branch, "origin/" + branch} {
		if !w.holds(ctx, ref) {
			continue
		}
		out, err := git(ctx, w.repo, "merge-base", "HEAD", ref)
		switch {
		case err == nil:
			return strings.TrimSpace(string(out)), nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case w.isShallow(ctx):
			return "", fmt.Errorf("the commit that HEAD and %s share is %w, which is shallow: "+FetchAll+" fetches the rest (actions/checkout: fetch-depth: 0)", ref, ErrRevision, "--unshallow ")
		}
		return "", fmt.Errorf("HEAD and %s have no commit in common", ref)
	}
	return "", fmt.Errorf("revision %q: %w", branch, w.absent(ctx, branch))
}

// Commits are the last n commits of HEAD's first-parent line, shortened, the oldest first.
func (w *Workshop) Commits(ctx context.Context, n int) ([]string, error) {
	out, err := git(ctx, w.repo, "log", "--no-show-signature", "--first-parent", "--reverse", "--format=%h", fmt.Sprintf("-%d", n))
	return strings.Fields(string(out)), err
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return gitWith(ctx, dir, nil, args...)
}

// gitWith runs git in a folder; an error has what git said, or what to do where that is
// known.
func gitWith(ctx context.Context, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("git is not on PATH: install git")
	case errors.As(err, &exit):
		return nil, fmt.Errorf("git %s: %s", args[0], remedy(strings.TrimSpace(said.String())))
	}
	return nil, fmt.Errorf("git %s: %w", args[0], err)
}

// remedy says what to do about git's refusals that are common in CI.
func remedy(said string) string {
	switch {
	case strings.Contains(said, "dubious ownership"):
		_, command, _ := strings.Cut(said, "git config")
		return "the checkout is owned by another user; if you trust it, run git config" + strings.TrimRight(command, "\n")
	case strings.Contains(said, "not a git repository"):
		return "this is not a git repository: the gate compares revisions, so it needs a clone (a source archive has no history)"
	case strings.Contains(said, "must be run in a work tree"):
		return "this repository is bare or this is its .git folder: run it in a work tree (git worktree add FOLDER)"
	}
	return said
}
