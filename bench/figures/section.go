package figures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"guestload/results"
	"guestload/server/cli"
)

// ResultsFile is where the commands of bench keep what they measured, from the
// repository's root.
const ResultsFile = "bench/RESULTS.md"

// BindFile defines --markdown, which names the file whose section Report.Write updates.
func BindFile(fs *pflag.FlagSet) *string {
	file := fs.String("markdown", "", "update this command's section of a file: --markdown of "+ResultsFile+", --markdown=FILE of another")
	fs.Lookup("markdown").NoOptDefVal = ResultsFile
	cli.Group(fs, "Output", "markdown")
	return file
}

// Section is a part of a Markdown file that a command writes.
type Section struct {
	Command string // that writes it, such as "bench scale": the section's heading
	Text    string // Markdown, without the heading
}

// Stamp says where, when and of which commit figures are.
func Stamp(env results.Environment, at time.Time) string {
	commit := env.Commit
	if hash, suffix, _ := strings.Cut(commit, "-"); len(hash) == 40 {
		commit = hash[:12]
		if suffix != "" {
			commit += "-" + suffix
		}
	}
	return fmt.Sprintf("Measured on %d × %s, %s, %s, at commit %s.", env.CPUs, env.CPU, env.Go, at.UTC().Format(time.DateOnly), commit)
}

// WriteTo replaces the command's section in a file, or appends it.
func (s Section) WriteTo(file string) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(s.in(string(text))), 0o644)
}

func (s Section) in(text string) string {
	begin, end := "<!-- "+s.Command+" -->\n", "<!-- end of "+s.Command+" -->\n"
	section := begin + "## " + s.Command + "\n\n" + strings.TrimSpace(s.Text) + "\n" + end
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if found && ended {
		return before + section + after
	}
	if text != "" {
		text = strings.TrimRight(text, "\n") + "\n\n"
	}
	return text + section
}

// Report is what a command measured.
type Report struct {
	Command string
	Note    string // how it was measured
	Began   time.Time
	Figures []Figure
}

// Write prints the table, and updates the command's section of a file where one is named.
func (r Report) Write(ctx context.Context, file string, stdout io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n\n", Stamp(results.Here(ctx), r.Began), r.Note)
	if err := WriteMarkdown(&text, r.Figures); err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, text.String()); err != nil || file == "" {
		return err
	}
	return Section{r.Command, text.String()}.WriteTo(file)
}
