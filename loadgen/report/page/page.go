// Package page is the HTML page of a run: one file that needs no network. It is
// written when a run has ended, and served, live, while one goes on.
package page

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"guestload/results"
)

// File is the page's name in a record's folder.
const File = "report.html"

// Page is what a page shows.
type Page struct {
	Run      results.Run
	Scenario []byte  // the file as read; empty where it is not known
	Usage    []Spent // in order of seconds; empty where nothing was measured
}

// Spent and Use are what the processes of a run used in one second of it.
type (
	Spent = results.Spent
	Use   = results.Use
)

// Render writes the page. It fails where w does.
func Render(w io.Writer, p Page) error {
	if err := render(w, view(p.Run.Record, p.Scenario), p.data(), false); err != nil {
		return fmt.Errorf("write the page of a run: %w", err)
	}
	return nil
}

// Write writes the page into a record's folder, in place of one that is there.
// It appears whole or not at all.
func Write(dir string, p Page) error {
	return results.WriteFile(filepath.Join(dir, File), func(w io.Writer) error { return Render(w, p) })
}

// Read reads what a page needs from a record's folder: the record, and from the
// page that was there before what is nowhere else, which are the scenario's file
// and the usage by second. Without such a page they stay empty.
func Read(dir string) (Page, error) {
	run, err := results.Read(dir)
	if err != nil {
		return Page{}, err
	}
	p := Page{Run: run}
	html, err := os.ReadFile(filepath.Join(dir, File))
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return Page{}, fmt.Errorf("read the page of a run: %w", err)
	}
	kept, err := readData(html)
	if err != nil {
		return Page{}, fmt.Errorf("read the page of a run: %s: %w", filepath.Join(dir, File), err)
	}
	p.Scenario, p.Usage = []byte(kept.Scenario), kept.Usage
	return p, nil
}
