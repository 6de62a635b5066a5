package main

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// root is the folder of the whole project.
const root = ".."

// documents returns the project's Markdown files, by path below root, with their
// lines; code blocks are left out.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "runs", "bin"}, d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, file)
		all[filepath.ToSlash(below)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 4 {
		t.Fatalf("only %d documents", len(all))
	}
	return all
}

var (
	codeBlock = regexp.MustCompile("(?ms)^(```|~~~).*?^(```|~~~)[^\n]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]+`")
	link      = regexp.MustCompile(`\]\(<?([^()\s>]+)>?(?: "[^"]*")?\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]: *(\S+)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	named     = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// anchors returns what a link into a document can point to: its headings, named as
// GitHub names them, and its named anchors.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	text = codeBlock.ReplaceAllString(text, "")
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		title := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)|<[^>]*>`).ReplaceAllString(h[1], "$1")
		id := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title)
		for n, free := 1, id; ; n++ {
			if !found[free] {
				found[free] = true
				break
			}
			free = id + "-" + string(rune('0'+n))
		}
	}
	for _, a := range named.FindAllStringSubmatch(text, -1) {
		found[a[1]] = true
	}
	return found
}

// brokenLinks returns the links of a document that lead nowhere.
func brokenLinks(name string, all map[string]string) (broken []string) {
	text := codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(all[name], ""), "code")
	for _, found := range append(link.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1)...) {
		u, err := url.Parse(found[1])
		if err != nil {
			broken = append(broken, found[1]+": "+err.Error())
			continue
		}
		if u.Scheme != "" {
			if u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" || u.Scheme != "mailto" && u.Host == "" {
				broken = append(broken, found[1]+": neither a file nor a web page")
			}
			continue
		}
		target := name
		if u.Path != "" {
			target = path.Join(path.Dir(name), u.Path)
		}
		document, isDocument := all[target]
		switch _, err := os.Stat(filepath.Join(root, target)); {
		case strings.HasPrefix(target, "..") || path.IsAbs(u.Path):
			broken = append(broken, found[1]+": outside of the project")
		case err != nil:
			broken = append(broken, found[1]+": no such file")
		case u.Fragment != "" && !isDocument:
			broken = append(broken, found[1]+": an anchor in a file that is no document")
		case u.Fragment != "" && !anchors(document)[u.Fragment]:
			broken = append(broken, found[1]+": no such anchor")
		}
	}
	return broken
}

func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	all, links := documents(t), 0
	for name, text := range all {
		links += len(link.FindAllString(text, -1))
		for _, b := range brokenLinks(name, all) {
			t.Errorf("%s: %s", name, b)
		}
	}
	if links < 30 {
		t.Errorf("only %d links found", links)
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	all := map[string]string{
		"README.md": "# Two  words, `code` & more\n## Same\n## Same\n<a id=\"own\"></a>\n```\n# No heading\n[no](link.md)\n```\n" +
			"[a](#two--words-code--more) [b](#same-1) [c](#own) [d](server/CONTRACT.md) [e](https://example.com/x#y) `[f](code.md)` [g]: #same\n",
		"bad.md": "[a](nothing.md) [b](#nothing) [c](README.md#no-heading) [d](../etc/passwd) [e](Makefile#x) [f](javascript:x)\n[g]: gone.md\n",
	}
	if got := brokenLinks("README.md", all); len(got) > 0 {
		t.Errorf("found broken: %q", got)
	}
	if got := brokenLinks("bad.md", all); len(got) != 7 {
		t.Errorf("found %d broken: %q", len(got), got)
	}
}

var (
	makeTarget = regexp.MustCompile("(?:`|^    )make ([a-z-]+)")
	repoPath   = regexp.MustCompile("`((?:server|loadgen|scenarios|bench|results|\\.github)/[A-Za-z0-9_./-]+)`")
)

// TestDocumentsNameWhatThereIs: files in backticks exist, and so do make's targets.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range documents(t) {
		for line := range strings.Lines(text) {
			for _, target := range makeTarget.FindAllStringSubmatch(line, -1) {
				if !regexp.MustCompile(`(?m)^` + target[1] + `:`).Match(makefile) {
					t.Errorf("%s: make has no target %s", name, target[1])
				}
			}
		}
		for _, file := range repoPath.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(file[1], "results/runs") {
				continue // what running leaves
			}
			if _, err := os.Stat(filepath.Join(root, file[1])); err != nil {
				t.Errorf("%s: there is no %s", name, file[1])
			}
		}
	}
}
