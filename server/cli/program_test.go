package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestProgramsEndWithTheCodeOfTheirError(t *testing.T) {
	p := Program{Name: "tool", About: "tool does things.", Notes: "Notes.", Commands: []Command{{"do", "do something", func(_ context.Context, args []string, stdout, _ io.Writer) error {
		fs := Flags("tool do")
		fails := fs.Bool("fails", false, "end with an error")
		code := fs.Int("code", 0, "end with this code")
		if err := Parse(fs, args, "tool do does something.\n", false, stdout); err != nil {
			return err
		}
		switch {
		case *fails:
			return errors.New("it failed")
		case *code != 0:
			return fmt.Errorf("wrapped: %w", ExitError(*code))
		}
		return nil
	}}}}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "tool: no command"},
		{"-h", 0, "tool do        do something"},
		{"help", 0, "Notes."},
		{"--version", 0, "tool "},
		{"du", 2, `unknown command "du": did you mean do?`},
		{"do", 0, ""},
		{"do -h", 0, "tool do does something.\n\nOther:\n"},
		{"do -version", 0, "tool "},
		{"do --failz", 2, "did you mean --fails?; tool do -h explains all\n"},
		{"do extra", 2, `unexpected argument "extra"`},
		{"do --fails", 1, "tool do: it failed"},
		{"do --code 7", 7, ""},
	} {
		var stdout, stderr bytes.Buffer
		if code := p.Run(t.Context(), strings.Fields(c.args), &stdout, &stderr); code != c.code {
			t.Errorf("%q: exit %d, want %d", c.args, code, c.code)
		}
		if all := stdout.String() + stderr.String(); !strings.Contains(all, c.says) || strings.Count(all, "explains all") > 1 {
			t.Errorf("%q says %q, want %q in it", c.args, all, c.says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := p.Run(ctx, []string{"do", "--fails"}, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("interrupted: exit %d, %q", code, &stderr)
	}
}
