package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

//go:generate sh assets/fetch.sh
//go:generate go run github.com/valyala/quicktemplate/qtc -file page.qtpl -skipLineComments

// The style and the scripts of a page. uPlot 1.6.32 (MIT) draws the charts; assets/fetch.sh
// fetches it.
var (
	//go:embed assets/page.css
	ownStyle string
	//go:embed assets/page.js
	ownScript string
	//go:embed assets/uPlot.min.css
	chartStyle string
	//go:embed assets/uPlot.iife.min.js
	chartScript string
	//go:embed assets/uPlot.LICENSE
	chartLicence string
)

// fragments are the parts that a live page replaces, by the id of the element that holds them.
var fragments = map[string]func(*content) string{
	"verdict": verdictHTML, "figures": figuresHTML, "capacity": capacityHTML, "thresholds": thresholdsHTML, "violations": violationsHTML,
	"faults": faultsHTML, "operations": operationsHTML, "failures": failuresHTML, "resources": resourcesHTML,
}

// whole is everything in a page. Only View holds text that others wrote; it is escaped, and
// so is Policy. Data is JSON without '<'.
type whole struct {
	View                  *content
	Data                  []byte
	Style, Charts, Script string
	Policy                string
	Live                  bool
}

// render writes a page. The content security policy pins its scripts and its style by hash:
// if text of a scenario slipped through the escaping, it could not run, and could reach no network.
func render(w io.Writer, v content, d data, live bool) error {
	encoded, err := json.Marshal(d) // escapes <, > and &
	if err != nil {
		return err
	}
	p := whole{
		View: &v, Data: encoded, Live: live,
		Style:  chartStyle + "\n" + ownStyle,
		Charts: "/*!\n" + chartLicence + "*/\n" + strings.TrimSpace(chartScript),
		Script: ownScript,
	}
	connect := "'none'"
	if live {
		connect = "'self'"
	}
	p.Policy = fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src %s; script-src %s %s; connect-src %s",
		pin(p.Style), pin(p.Charts), pin(p.Script), connect)
	_, err = io.WriteString(w, withoutNUL(pageHTML(&p)))
	return err
}

// withoutNUL replaces NUL, which HTML does not allow, even escaped.
func withoutNUL(html string) string { return strings.ReplaceAll(html, "\x00", "\uFFFD") }

// pin names a text in a content security policy.
func pin(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// renderFragments renders the parts that change during a run.
func renderFragments(v content) map[string]string {
	rendered := make(map[string]string, len(fragments))
	for id, html := range fragments {
		rendered[id] = withoutNUL(html(&v))
	}
	return rendered
}
