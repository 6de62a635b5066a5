package main

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/quicktemplate/parser"
)

func TestTheCodeOfTemplatesIsUpToDate(t *testing.T) {
	templates := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || path != ".." && strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".qtpl" {
			return err
		}
		templates++
		template, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var code bytes.Buffer
		if err := parser.ParseNoLineComments(&code, bytes.NewReader(template), filepath.Base(path), filepath.Base(filepath.Dir(path))); err != nil {
			return err
		}
		want, err := format.Source(code.Bytes())
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(path + ".go"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s.go is not what the template says (go generate %s): %v", path, filepath.Dir(path), err)
		}
		return nil
	})
	if err != nil || templates < 2 {
		t.Errorf("%d templates: %v", templates, err)
	}
}
