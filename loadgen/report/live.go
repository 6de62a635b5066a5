package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// PlainEvery is how often a line is written where nothing can be redrawn.
const PlainEvery = 5 * time.Second

// Live shows a run while it goes on. One goroutine at a time uses it.
type Live struct {
	out      io.Writer
	terminal Terminal
	drawn    int           // lines on the screen that the next drawing replaces
	next     time.Duration // when the next plain line is due
}

// NewLive shows on out, in the way that terminal can.
func NewLive(out io.Writer, terminal Terminal) *Live {
	return &Live{out: out, terminal: terminal, next: PlainEvery}
}

// Show draws a moment over the one before, or writes a plain line when one is due.
// Call it about once a second.
func (l *Live) Show(s Snapshot) error {
	if o, ok := l.out.(*Outlet); ok && o.Busy() {
		return nil // the terminal is stopped, or slow: it sees a later moment
	}
	if !l.terminal.Live {
		if s.Elapsed < l.next {
			return nil
		}
		l.next = s.Elapsed.Truncate(PlainEvery) + PlainEvery
		_, err := fmt.Fprintln(l.out, Line(s))
		return err
	}
	l.terminal = l.terminal.Resize(l.out)
	return l.draw(l.terminal.Screen(s))
}

// Clear takes the screen away, so that what follows begins in its place.
func (l *Live) Clear() error {
	if l.drawn == 0 {
		return nil
	}
	return l.draw(nil)
}

// draw writes everything at once, so that nothing flickers. Each line is erased
// by itself: terminals that keep what is cleared would keep every moment.
func (l *Live) draw(lines []string) error {
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn)
	}
	b.WriteByte('\r')
	for _, line := range lines {
		b.WriteString("\x1b[2K" + line + "\n")
	}
	if more := l.drawn - len(lines); more > 0 {
		b.WriteString(strings.Repeat("\x1b[2K\n", more))
		fmt.Fprintf(&b, "\x1b[%dA", more)
	}
	l.drawn = len(lines)
	_, err := io.WriteString(l.out, b.String())
	return err
}
