package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed *.yaml
var shipped embed.FS

// ErrUnknown is wrapped by Load's error when no shipped scenario and no file
// has the name.
var ErrUnknown = errors.New("unknown scenario")

// Listing is a shipped scenario's name and its sentence.
type Listing struct {
	Name, About string
}

// Shipped lists the scenarios that the program brings along, by name.
func Shipped() ([]Listing, error) {
	files, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list shipped scenarios: %w", err)
	}
	all := make([]Listing, 0, len(files))
	for _, file := range files {
		s, err := loadShipped(file)
		if err != nil {
			return nil, err
		}
		all = append(all, Listing{s.Name, s.About})
	}
	return all, nil
}

func loadShipped(file string) (Scenario, error) {
	source, err := shipped.ReadFile(file)
	if err != nil {
		return Scenario{}, fmt.Errorf("read shipped scenario: %w", err)
	}
	return parse(file, source, shipped.ReadFile)
}

// Load reads a shipped scenario by its name, or a file by its path, with the
// files of its feeds, which are looked for beside it. A name is a path when it
// has a slash or ends in .yaml or .yml. Errors wrap ErrUnknown, or are an
// *InvalidError, or say why the file cannot be read.
func Load(nameOrPath string) (Scenario, error) {
	isPath := strings.ContainsAny(nameOrPath, `/\`) ||
		strings.HasSuffix(nameOrPath, ".yaml") || strings.HasSuffix(nameOrPath, ".yml")
	if !isPath {
		if _, err := fs.Stat(shipped, nameOrPath+".yaml"); err != nil {
			return Scenario{}, unknown(nameOrPath)
		}
		return loadShipped(nameOrPath + ".yaml")
	}
	source, err := readBounded(nameOrPath, maxSource)
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	return parse(nameOrPath, source, func(file string) ([]byte, error) {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(nameOrPath), file)
		}
		return readBounded(file, maxFeed)
	})
}

// readBounded reads at most one byte more than the limit, which the caller then
// refuses: a device or a pipe does not end.
func readBounded(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// unknown lists what there is, the nearest name first.
func unknown(name string) error {
	all, err := Shipped()
	if err != nil {
		return err
	}
	var list strings.Builder
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.Name
		fmt.Fprintf(&list, "\n  %-16s %s", l.Name, l.About)
	}
	guess := "a file of your own is given with its path, such as ./my.yaml."
	if near := nearest(name, names); near != "" {
		guess = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Errorf("%w %q: %s Shipped are:%s", ErrUnknown, shorten(name), guess, list.String())
}
