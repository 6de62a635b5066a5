package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/server/cli"
)

// Output says where a report goes, beside the text on stdout: each is "" for nowhere, "-"
// for stdout instead of the text, or a file.
type Output struct{ JSON, Markdown string }

// document is the report as JSON.
type document struct {
	Base string `json:"base"`
	Head string `json:"head"`
	gate.Report
}

// Write writes the report wherever it was asked for.
func (o Output) Write(r gate.Report, builds [2]*ab.Build, stdout io.Writer) error {
	var text, markdown strings.Builder
	if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&markdown)); err != nil {
		return err
	}
	machine, err := json.MarshalIndent(document{builds[ab.Base].Tree.String(), builds[ab.Head].Tree.String(), r}, "", "  ")
	if err != nil {
		return err
	}
	if o.JSON != "-" && o.Markdown != "-" {
		fmt.Fprint(stdout, text.String())
	}
	for _, form := range []struct{ to, text string }{{o.JSON, string(machine) + "\n"}, {o.Markdown, markdown.String()}} {
		switch form.to {
		case "":
		case "-":
			fmt.Fprint(stdout, form.text)
		default:
			if err := os.MkdirAll(filepath.Dir(form.to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(form.to, []byte(form.text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// Exit codes beside those that all programs share.
const (
	ExitRegressed    = 3
	ExitInconclusive = 4 // or Invalid: nothing was shown
)

// ExitCode is that of a program that ends with a verdict.
func ExitCode(v gate.Verdict, inconclusivePasses bool) int {
	switch v {
	case gate.Pass, gate.Improved:
		return cli.ExitOK
	case gate.Regressed, gate.Stale:
		return ExitRegressed
	case gate.Inconclusive:
		if inconclusivePasses {
			return cli.ExitOK
		}
	}
	return ExitInconclusive
}
