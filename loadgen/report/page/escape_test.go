package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hostileTexts try to leave where they stand: an element, a quoted attribute, a script or a URL.
var hostileTexts = []string{
	`<script>alert(1)</script>`, `</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `</title></style><b>`, `</pre></textarea><b>`,
	`"><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' onmouseover='alert(1)`, `x onmouseover=alert(1)`, "` onmouseover=`alert(1)",
	`javascript:alert(1)`, `data:text/html,<b>`, `expression(alert(1))`, `</style>`, `{%s x %}`, `{{.Title}}`, `${alert(1)}`,
	`&lt;b&gt; &amp; &quot; &#39; &`, `<!-- --><!--`, `]]><![CDATA[`, `\u003cb>`, `</`, `<`, "a\u2028b\u2029c", "\x00<\x00b>", "\xff<b>",
}

func TestNoTextLeavesItsPlace(t *testing.T) {
	plain := parsed(t, "text")
	if len(plain.texts) < 60 {
		t.Fatalf("only %d places hold text: %q", len(plain.texts), plain.texts)
	}
	for _, text := range hostileTexts {
		got := parsed(t, text)
		if !slices.Equal(got.structure, plain.structure) {
			t.Errorf("%q changes the structure of the page:\n%s", text, firstDifference(got.structure, plain.structure))
		}
		shown := strings.ReplaceAll(text, "\x00", "\uFFFD")
		for i, place := range plain.texts {
			if want := strings.ReplaceAll(place, "text", shown); i >= len(got.texts) || got.texts[i] != want {
				t.Errorf("%q is shown as %q, want %q", text, got.texts[min(i, len(got.texts)-1)], want)
				break
			}
		}
	}
}

func TestDataLeavesNoScript(t *testing.T) {
	for _, text := range hostileTexts {
		text = strings.ToValidUTF8(text, "\uFFFD") // JSON has no other
		var d data
		fill(reflect.ValueOf(&d).Elem(), text)
		var b bytes.Buffer
		if err := render(&b, content{}, d, false); err != nil {
			t.Fatal(err)
		}
		if _, within, _ := bytes.Cut(b.Bytes(), dataBegins); bytes.ContainsAny(within[:bytes.Index(within, dataEnds)], "<>&\u2028\u2029\x00") {
			t.Errorf("%q stands in the script as it is", text)
		}
		again, err := readData(b.Bytes())
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("%q: read back as %+v, %v", text, again, err)
		}
	}
}

// Fragments reach a page as JSON within an event stream, where a line break would end an event.
func TestNoTextLeavesAnEvent(t *testing.T) {
	for _, text := range append(hostileTexts, "a\n\ndata: {}\r\rb") {
		var v content
		fill(reflect.ValueOf(&v).Elem(), text)
		l := Live{}
		l.mu.text = v
		got, err := l.encode(event{})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(got), "\n")
		if len(lines) != 4 || strings.ContainsAny(string(got), "\r\u2028") {
			t.Errorf("%q: %d lines", text, len(lines))
		}
		var e event
		if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[1], "data: ")), &e); err != nil || !reflect.DeepEqual(e.Fragments, validFragments(v)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func validFragments(v content) map[string]string {
	all := renderFragments(v)
	for id, text := range all {
		all[id] = strings.ToValidUTF8(text, "\uFFFD")
	}
	return all
}

// place is a page as a browser reads it.
type place struct {
	structure []string // elements with their attributes, without the texts
	texts     []string // text nodes and values of attributes that hold some of the filled text
}

// parsed renders a page in which every text is the same, and parses it.
func parsed(t *testing.T, text string) (p place) {
	t.Helper()
	var v content
	fill(reflect.ValueOf(&v).Elem(), text)
	var b bytes.Buffer
	if err := render(&b, v, data{}, true); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			p.structure = append(p.structure, fmt.Sprintf("%d %s", depth(n), n.Data))
			for _, a := range n.Attr {
				p.structure = append(p.structure, "@"+a.Key)
				if !fixed(a.Key, a.Val) {
					p.texts = append(p.texts, a.Val)
				}
				if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"href", "src", "style", "action", "formaction", "srcdoc"}, a.Key) && a.Val != "data:," {
					t.Errorf("%s=%q: text can run there", a.Key, a.Val)
				}
			}
		case html.TextNode:
			if parent := n.Parent.Data; parent == "script" || parent == "style" {
				p.structure = append(p.structure, n.Data)
			} else {
				p.texts = append(p.texts, n.Data)
			}
		default:
			p.structure = append(p.structure, fmt.Sprint(n.Type, n.Data))
		}
	}
	return p
}

// fixed reports whether the page alone decides about an attribute.
func fixed(name, value string) bool {
	return slices.Contains([]string{"id", "role", "scope", "colspan", "charset", "lang", "name", "rel", "type", "content", "http-equiv"}, name) ||
		strings.HasPrefix(name, "aria-") || value == "data:,"
}

func depth(n *html.Node) (d int) {
	for ; n.Parent != nil; n = n.Parent {
		d++
	}
	return d
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("got %.80q, want %.80q, after %.200q", got[i], want[i], got[max(0, i-4):i])
		}
	}
	return fmt.Sprintf("%d parts, want %d", len(got), len(want))
}

// fill sets every text within v, two of every list and map, and numbers to 1.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	default:
		panic("nothing fills a " + v.Type().String())
	}
}
