package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:generate sh assets/fetch.sh

// The charts are drawn by uPlot 1.6.32 (MIT), fetched by assets/fetch.sh.
//
//go:embed assets/page.html assets/page.css assets/page.js assets/uPlot.iife.min.js assets/uPlot.min.css assets/uPlot.LICENSE
var assets embed.FS

// fragments are the parts that a live page replaces, by the id of the element
// that holds them, which is the name of their template too.
var fragments = [...]string{"verdict", "figures", "capacity", "thresholds", "violations", "faults", "operations", "failures", "resources"}

// whole is everything in a page.
type whole struct {
	View   content
	Data   template.JS
	Style  template.CSS
	Charts template.JS
	Script template.JS
	Policy string
	Live   bool
}

// render writes a page. What it runs and how it looks is pinned by hash: were
// something of a scenario to slip through escaping, it could not run, and it
// could reach no network.
func render(w io.Writer, v content, d data, live bool) error {
	t, err := parse()
	if err != nil {
		return err
	}
	read := func(name string) string {
		text, failed := assets.ReadFile("assets/" + name)
		if failed != nil {
			err = failed
		}
		return string(text)
	}
	style := read("uPlot.min.css") + "\n" + read("page.css")
	charts := "/*!\n" + read("uPlot.LICENSE") + "*/\n" + strings.TrimSpace(read("uPlot.iife.min.js"))
	script := read("page.js")
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(d) // escapes <, > and &
	if err != nil {
		return err
	}
	connect := "'none'"
	if live {
		connect = "'self'"
	}
	policy := fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src %s; script-src %s %s; connect-src %s",
		pin(style), pin(charts), pin(script), connect)
	return t.Execute(w, whole{v, template.JS(encoded), template.CSS(style), template.JS(charts), template.JS(script), policy, live})
}

func parse() (*template.Template, error) {
	return template.New("page.html").ParseFS(assets, "assets/page.html")
}

// pin is how a content security policy names one text.
func pin(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// renderFragments renders the parts that change while a run goes on.
func renderFragments(v content) (map[string]string, error) {
	t, err := parse()
	if err != nil {
		return nil, err
	}
	rendered := make(map[string]string, len(fragments))
	for _, name := range fragments {
		var b strings.Builder
		if err := t.ExecuteTemplate(&b, name, v); err != nil {
			return nil, err
		}
		rendered[name] = b.String()
	}
	return rendered, nil
}
