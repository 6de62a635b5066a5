package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"guestload/scenarios/rule"
	"guestload/server/api"
	"guestload/server/guest"
)

// page is a document: its text, and its anchors with the line that each is on.
type page struct {
	text    string
	anchors map[string]string
}

func readPage(t *testing.T, file string) page {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := page{text: string(b), anchors: map[string]string{}}
	for line := range strings.Lines(p.text) {
		for _, id := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(line, -1) {
			if _, twice := p.anchors[id[1]]; twice {
				t.Errorf("%s has the anchor %s twice", file, id[1])
			}
			p.anchors[id[1]] = line
		}
	}
	return p
}

// quoted reports whether the page has the text in backticks, whole.
func (p page) quoted(text string) bool {
	return strings.Contains(p.text, "`"+text+"`") || strings.Contains(p.text, `"`+text+`"`)
}

// sources parses the product code of some packages below server.
func sources(t *testing.T, packages ...string) (files []*ast.File) {
	t.Helper()
	for _, dir := range packages {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files of %s: %v", dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	return files
}

// constants returns the string constants whose names begin with one of prefixes,
// by the comment of their block.
func constants(files []*ast.File, prefixes ...string) map[string][]string {
	found := map[string][]string{}
	for _, f := range files {
		for _, d := range f.Decls {
			block, ok := d.(*ast.GenDecl)
			if !ok || block.Tok != token.CONST {
				continue
			}
			for _, s := range block.Specs {
				spec := s.(*ast.ValueSpec)
				named := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(spec.Names[0].Name, p) })
				if !named || len(spec.Values) != 1 {
					continue
				}
				if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					found[strings.TrimSpace(block.Doc.Text())] = append(found[strings.TrimSpace(block.Doc.Text())], text)
				}
			}
		}
	}
	return found
}

// literals returns every string that the code contains.
func literals(files []*ast.File) map[string]bool {
	found := map[string]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				found[text] = true
			}
			return true
		})
	}
	return found
}

func TestContractNamesEveryEvent(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	blocks := constants(sources(t, "api"), "Event")
	sent, told := blocks["Events that clients send."], blocks["Events that the server sends."]
	if len(sent) < 10 || len(told) < 10 || len(blocks) != 2 {
		t.Fatalf("%d events of clients and %d of the server in %d blocks", len(sent), len(told), len(blocks))
	}
	want := map[string]string{}
	for _, event := range sent {
		want["client-"+strings.ReplaceAll(event, ":", "-")] = event
		if api.IsSignal(event) || event == api.EventChatMessage || event == api.EventTypingStart || event == api.EventTypingStop {
			told = append(told, event) // relayed
		}
	}
	for _, event := range told {
		want["server-"+strings.ReplaceAll(event, ":", "-")] = event
	}
	for id, event := range want {
		if !strings.Contains(contract.anchors[id], "</a>`"+event+"`") {
			t.Errorf("CONTRACT.md has no row of %s with the anchor %s", event, id)
		}
	}
	for id := range contract.anchors {
		if strings.HasPrefix(id, "client-") || strings.HasPrefix(id, "server-") {
			if _, ok := want[id]; !ok {
				t.Errorf("CONTRACT.md describes %s, which is no event of server/api", id)
			}
		}
	}
}

// sentence is what a person reads in an answer, an event or a close frame.
var sentence = regexp.MustCompile("`([A-Z][a-z]+ [a-z][^`{}]*)`")

func TestContractHasEverySentenceOfTheServer(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	code := sources(t, "api", "httpd", "realtime", "guest")
	said := map[string]bool{}
	for _, texts := range constants(code, "Text", "text", "Reason", "Body") {
		for _, text := range texts {
			said[text] = true
		}
	}
	for _, text := range validationMessages(t) {
		said[text] = true
	}
	if len(said) < 60 {
		t.Fatalf("only %d sentences found", len(said))
	}
	for text := range said {
		if !contract.quoted(text) {
			t.Errorf("CONTRACT.md does not have %q", text)
		}
	}
	everything := literals(code)
	for _, found := range sentence.FindAllStringSubmatch(contract.text, -1) {
		if !said[found[1]] && !everything[found[1]] {
			t.Errorf("CONTRACT.md has %q, which the server never says", found[1])
		}
	}
}

// wrong are values that break a rule of any field.
var wrong = []string{`7`, `{}`, `[]`, `"a b c"`, `"ab"`, `""`, `"` + strings.Repeat("x", 101) + `"`, `1e9`, `{"x":"` + strings.Repeat("x", 2100) + `"}`}

// validationMessages gives every field wrong values, and returns what is said of them.
func validationMessages(t *testing.T) (messages []string) {
	t.Helper()
	parse := []func([]byte) error{
		func(b []byte) error { _, err := guest.ParseProfile(b); return err },
		func(b []byte) error { _, err := guest.ParseDevice(b); return err },
		func(b []byte) error { _, err := api.ParseWishes(b); return trimmed(err) },
	}
	add := func(body string) {
		for _, p := range parse {
			if faults, ok := p([]byte(body)).(guest.ValidationError); ok {
				for _, f := range faults {
					if !slices.Contains(messages, f.Message) {
						messages = append(messages, f.Message)
					}
				}
			}
		}
	}
	add(`7`)
	for _, value := range wrong {
		for _, field := range []string{"username", "gender", "language", "location", "deviceId", "ip", "country"} {
			add(`{"` + field + `":` + value + `}`)
		}
		for _, field := range []string{"country", "region", "city", "timezone", "coordinates"} {
			add(`{"location":{"` + field + `":` + value + `}}`)
		}
		for _, field := range []string{"lat", "lon"} {
			add(`{"location":{"coordinates":{"` + field + `":` + value + `}}}`)
		}
	}
	// Each place in the code that finds a fault is reached by one of them.
	for _, f := range sources(t, "guest") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isFail(call) {
				return true
			}
			for text := range literals([]*ast.File{{Name: ast.NewIdent("p"), Decls: []ast.Decl{&ast.GenDecl{Tok: token.VAR, Specs: []ast.Spec{
				&ast.ValueSpec{Names: []*ast.Ident{ast.NewIdent("v")}, Values: call.Args[1:]}}}}}}) {
				shape := regexp.MustCompile(`%[a-z]`).ReplaceAllString(regexp.QuoteMeta(text), ".*")
				if !slices.ContainsFunc(messages, regexp.MustCompile(shape+"$").MatchString) {
					t.Errorf("no wrong value brings about %q: add one to wrong", text)
				}
			}
			return true
		})
	}
	return messages
}

// trimmed is the ValidationError within err, or err.
func trimmed(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[1]
	}
	return err
}

// isFail reports whether a call is that of checker.fail(field, message).
func isFail(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && method.Sel.Name == "fail" && len(call.Args) == 2
}

func TestContractHasTheSignalsFaults(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	for _, event := range []string{api.EventOffer, api.EventAnswer, api.EventICECandidate, api.EventCallEnd} {
		_, err := api.ParseSignal(event, api.Value(`7`))
		if err == nil || !contract.quoted(err.Error()) {
			t.Errorf("%s: CONTRACT.md does not have %v", event, err)
		}
	}
}

func TestContractHasTheNumbersOfTheServer(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	grouped := func(n int) string {
		s := strconv.Itoa(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	open := strings.NewReplacer(`"sid":"x"`, `"sid"`).Replace(string(api.AppendOpen(nil, "x")))
	for what, text := range map[string]string{
		"MaxTextUnits":    "1–" + strconv.Itoa(api.MaxTextUnits) + " UTF-16 units",
		"MaxFileSize":     "1–" + grouped(api.MaxFileSize) + " bytes",
		"MaxVoiceSeconds": "at most " + strconv.Itoa(api.MaxVoiceSeconds) + " s",
		"MaxBody":         "at most " + grouped(api.MaxBody) + " bytes",
		"MaxDepth":        "at most " + strconv.Itoa(api.MaxDepth) + " deep",
		"StatsUsers":      "at most " + strconv.Itoa(api.StatsUsers) + " [`user`]",
		"PingInterval":    "ping every " + strconv.Itoa(int(api.PingInterval.Seconds())) + " s",
		"the open packet": "`" + open + "`",
		"Lifetime":        "ends " + strconv.Itoa(int(guest.Lifetime.Hours())) + " h after its last activity",
	} {
		if !strings.Contains(contract.text, text) {
			t.Errorf("CONTRACT.md does not have %s: %q", what, text)
		}
	}
}

// unsent are close codes that the server receives, or never sends.
var unsent = []string{"Normal", "NoStatus", "HeartbeatLost"}

func TestContractHasEveryCloseCode(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	codes := map[string]bool{}
	for _, f := range sources(t, "api/frame") {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			kind, isIdent := spec.Type.(*ast.Ident)
			lit, isLit := spec.Values[0].(*ast.BasicLit)
			if isIdent && isLit && kind.Name == "Code" && !slices.Contains(unsent, spec.Names[0].Name) {
				codes["close-"+lit.Value] = true
			}
			return true
		})
	}
	same(t, "close-", codes, contract)
}

func TestContractHasEveryRule(t *testing.T) {
	contract := readPage(t, "CONTRACT.md")
	rules := map[string]bool{}
	for n := range 8 {
		rules["rule-"+strconv.Itoa(n+1)] = true
	}
	for _, r := range rule.All() {
		id := "rule-" + string(r.ID)
		rules[id] = true
		if row := contract.anchors[id]; !strings.Contains(row, "| "+r.Text+" |") || !strings.Contains(row, "](#"+r.Section+")") {
			t.Errorf("CONTRACT.md says %q of the rule %+v", row, r)
		}
	}
	same(t, "rule-", rules, contract)
}

// same compares the page's anchors of one kind with those wanted.
func same(t *testing.T, prefix string, want map[string]bool, p page) {
	t.Helper()
	if len(want) < 8 {
		t.Fatalf("only %d anchors of %s are wanted", len(want), prefix)
	}
	got := map[string]bool{}
	for id := range p.anchors {
		if strings.HasPrefix(id, prefix) {
			got[id] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("CONTRACT.md has the anchors %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
