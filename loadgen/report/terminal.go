// Package report shows a run on a terminal: a live screen or plain lines while
// it goes on, and a page of text at its end. Everything is rendered to text
// from plain values; only Live writes, to the writer it was given.
package report

import (
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Terminal says what the output can show.
type Terminal struct {
	Width  int  // columns
	Colour bool // SGR sequences
	Live   bool // lines can be redrawn in place
	ASCII  bool // only letters that every terminal has
}

// Widths: outputs that do not tell theirs get defaultWidth, and nothing is
// laid out for less than minWidth.
const (
	defaultWidth = 100
	minWidth     = 40
)

// Detect looks at the output and the environment (os.Getenv, or a test's own).
// NO_COLOR, set to anything, turns colours off; TERM=dumb and an output that
// is no terminal turn off redrawing too.
func Detect(w io.Writer, getenv func(string) string) Terminal {
	t := Terminal{Width: defaultWidth, ASCII: getenv("TERM") == "dumb"}
	f, ok := file(w)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return t
	}
	t.Live = getenv("TERM") != "dumb" && getenv("TERM") != ""
	t.Colour = t.Live && getenv("NO_COLOR") == ""
	return t.Resize(w)
}

// Resize asks for the width again; a terminal that is none keeps what it has.
func (t Terminal) Resize(w io.Writer) Terminal {
	if f, ok := file(w); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			t.Width = width
		}
	}
	return t
}

// file is the one that an output writes to.
func file(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*Outlet); ok {
		w = o.out
	}
	f, ok := w.(*os.File)
	return f, ok
}

func (t Terminal) width() int { return max(t.Width, minWidth) }

// style is an SGR parameter.
type style string

const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func (t Terminal) paint(s style, words string) string {
	if !t.Colour || words == "" {
		return words
	}
	return "\x1b[" + string(s) + "m" + words + "\x1b[0m"
}

// mark is the sign before a line that holds or does not.
func (t Terminal) mark(passed bool) string {
	switch {
	case t.ASCII && passed:
		return t.paint(green, "ok  ")
	case t.ASCII:
		return t.paint(red, "FAIL")
	case passed:
		return t.paint(green, "✓")
	default:
		return t.paint(red, "✗")
	}
}

// plain spells out the few signs that an ASCII terminal does not have.
func (t Terminal) plain(s string) string {
	if !t.ASCII {
		return s
	}
	return strings.NewReplacer("µ", "u", "\ufffd", "?").Replace(s)
}

// wrap breaks words over lines of the terminal, the first one after a prefix,
// the others indented as far.
func (t Terminal) wrap(prefix, words string) string {
	indent := text.StringWidthWithoutEscSequences(prefix)
	var out []string
	for line := range strings.Lines(words) {
		out = append(out, fold(strings.TrimRight(line, "\r\n"), max(t.width()-indent, minWidth/2))...)
	}
	return prefix + strings.Join(out, "\n"+strings.Repeat(" ", indent))
}

// fold breaks a line between words, and within one that is longer than a line.
func fold(line string, width int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(line) {
		switch {
		case current == "":
			current = word
		case text.StringWidthWithoutEscSequences(current+" "+word) <= width:
			current += " " + word
		default:
			lines, current = append(lines, current), word
		}
		for text.StringWidthWithoutEscSequences(current) > width {
			head := text.Trim(current, width)
			lines, current = append(lines, head), strings.TrimPrefix(current, head)
		}
	}
	return append(lines, current)
}

// cut keeps what fits on one line.
func (t Terminal) cut(line string) string {
	if text.StringWidthWithoutEscSequences(line) <= t.width() {
		return line
	}
	end := "…"
	if t.ASCII {
		end = "~"
	}
	return text.Trim(line, t.width()-1) + end
}

// clean replaces control characters in what servers sent, which would
// otherwise move the cursor or change the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}
