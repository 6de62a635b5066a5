package jsonview

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func mustParse(t testing.TB, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestHalvesOfSurrogatePairsAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		``: false, `"plain"`: false, `"\\ud800"`: false, `"\ud83d\ude00"`: false, `"\uD83D\uDE00\n"`: false, `"\u00e9\"`: false,
		`"\ud800"`: true, `"\udc00"`: true, `"\ud800\ud800"`: true, `"\ude00\ud83d"`: true, `"\ud83dx\ude00"`: true, `"\ud83d\n"`: true,
		`{"\udfff":1}`: true, `"\\\ud800"`: true, `"\ud83d\ude00\ud83d"`: true, `"\ud800`: true, `"\u`: false, `\`: false,
	} {
		if got := HasLoneSurrogate([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "{", "}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`,
		`{a:1}`, `{1:1}`, `{"a":1}}`, `1 2`, `tru`, `trueish`, `nul`, `NaN`, `nan`, `Infinity`, `-inf`, `-`, `+1`, `01`, `-01`, `1.`, `.5`, `1e`, `1e+`, `1-2`,
		`0x10`, `'a'`, `"a`, `"\`, `"\"`, `"\x41"`, `"\u12"`, `"\u12g4"`, "\"\x00\"", "\"a\nb\"", "\"\x1f\"", `// a`, `/**/1`, "\uFEFF1",
		"\"\xff\"", "\"\xed\xa0\x80\"", nested(MaxDepth + 1), strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
	} {
		v, err := Parse([]byte(text))
		if _, ok := errors.AsType[*SyntaxError](err); !ok || v != nil {
			t.Errorf("%.40q: got %.40q, %v", text, v, err)
		}
	}
}

func TestErrorsSayWhatIsWrongAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,}`:           "unexpected '}' in JSON at byte 7",
		` {"a":`:             "unexpected end of JSON at byte 6",
		"":                   "unexpected end of JSON at byte 0",
		"\"\x01\"":           `unexpected '\x01' in JSON at byte 1`,
		`[{]`:                "unexpected ']' in JSON at byte 2",
		`{{}}`:               "unexpected '{' in JSON at byte 1",
		`{} {}`:              "unexpected '{' in JSON at byte 3",
		"\"\xff\"":           "the text is not UTF-8",
		nested(MaxDepth + 1): "JSON is nested deeper than 64 at byte 64",
		" " + nested(200):    "JSON is nested deeper than 64 at byte 65",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}

func TestCompactLeavesStringsAndNumbersAsTheyAre(t *testing.T) {
	for text, want := range map[string]string{
		`{"a b":[1.0, -0e+1,"\u0020 \" "]}`:    `{"a b":[1.0,-0e+1,"\u0020 \" "]}`,
		"{ \"a\" :\r\n{\t} , \"\\\\\" : [ ] }": `{"a":{},"\\":[]}`,
		`"  "`:                                 `"  "`, `1`: `1`,
	} {
		v := mustParse(t, text)
		got := v.Compact()
		if string(got) != want || v.String() != text {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
		if again := got.Compact(); &again[0] != &got[0] {
			t.Errorf("%s is copied", got)
		}
	}
}

func TestParseKeepsTheBytes(t *testing.T) {
	for _, text := range []string{
		`0`, `-0`, `1e400`, `12345678901234567890`, `true`, `null`, `""`, `"\ud83d\ude00 \/ \u0000"`, `"\ud83d"`, `[ ]`, `{ "b" : 1 , "a" : [ 1,2 ] , "b":2}`, nested(MaxDepth),
	} {
		if v := mustParse(t, " \t\r\n"+text+" \n"); string(v) != text || v.String() != text {
			t.Errorf("%s became %s", text, v)
		}
	}
}

func TestGetTakesTheLastOfTheName(t *testing.T) {
	v := mustParse(t, `{"a":{"x":1},"\u0061":{"x":2,"y\"":3},"b":[1]}`)
	if got := v.Get("a", "x"); string(got) != "2" {
		t.Errorf("got %s, want 2", got)
	}
	if got := v.Get("a", `y"`); string(got) != "3" {
		t.Errorf("got %s, want 3", got)
	}
	for _, path := range [][]string{{"c"}, {"a", "z"}, {"b", "0"}, {"a", "x", "y"}} {
		if got := v.Get(path...); got != nil {
			t.Errorf("%v is %s, want nothing", path, got)
		}
	}
}

func TestMembersAndElementsStopWhenAsked(t *testing.T) {
	var got []string
	for name, v := range mustParse(t, `{"a":1, "b":[2,3] ,"c":4}`).Members() {
		got = append(got, string(name))
		for e := range v.Elements() {
			got = append(got, string(e))
			break
		}
		if string(name) == "b" {
			break
		}
	}
	if want := "a b 2"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextMeansWhatJavaScriptMeans(t *testing.T) {
	for text, want := range map[string]string{
		`"plain"`: "plain", `""`: "", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u20AC\u20ac"`: "€€",
		`"\ud83d\ude00"`: "😀", `"😀"`: "😀", `"\ud83d!"`: "\uFFFD!", `"\ude00\ud83d"`: "\uFFFD\uFFFD", `"\ud83d\u0041"`: "\uFFFDA", `"\ud83d\ud83d\ude00"`: "\uFFFD😀",
	} {
		if got := mustParse(t, text).Text(); string(got) != want || got == nil {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"1", "null", "{}", "[]", "true"} {
		if got := mustParse(t, text).Text(); got != nil {
			t.Errorf("%s is the text %q", text, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		text  string
		n     int64
		whole bool
		f     float64
		ok    bool
	}{
		{"0", 0, true, 0, true}, {"42", 42, true, 42, true}, {"-7", -7, true, -7, true}, {"1.0", 1, true, 1, true}, {"1e3", 1000, true, 1000, true},
		{"1.5", 0, false, 1.5, true}, {"9007199254740991", 1<<53 - 1, true, 1<<53 - 1, true}, {"9007199254740993", 0, false, 1 << 53, true},
		{"1e400", 0, false, 0, false}, {"-1e400", 0, false, 0, false}, {"1e-400", 0, true, 0, true}, {"99999999999999999999", 0, false, 1e20, true},
		{`"1"`, 0, false, 0, false}, {"null", 0, false, 0, false}, {"[1]", 0, false, 0, false}, {"true", 0, false, 0, false},
	} {
		v := mustParse(t, c.text)
		if n, ok := v.Int(); ok != c.whole || n != c.n {
			t.Errorf("%s: whole number %d, %t", c.text, n, ok)
		}
		if f, ok := v.Float(); ok != c.ok || ok && f != c.f {
			t.Errorf("%s: number %g, %t", c.text, f, ok)
		}
	}
	if n, ok := Value(nil).Int(); ok {
		t.Errorf("nothing is the number %d", n)
	}
}

// FuzzParse holds the scanner to encoding/json: the same texts are taken,
// but for depth, and mean the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,true,false,null,"\ud83d\ude00\n"],"b":{}}`, `"\ud800"`, `[1,]`, ` 01`, nested(70), `{"a":1,"a":"x"}`, "\"\x1f\"", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := string(text)
		v, err := Parse(text)
		if string(text) != before {
			t.Fatal("the text was changed")
		}
		valid := json.Valid(text) && utf8.Valid(text)
		if err != nil {
			if valid && depthOf(text) <= MaxDepth {
				t.Fatalf("%q: %v, but it is JSON", text, err)
			}
			walkAll(Value(text)) // whatever it is, reading it does no harm
			return
		}
		if !valid || depthOf(text) > MaxDepth {
			t.Fatalf("%q is no JSON", text)
		}
		if !bytes.Equal(v, bytes.Trim(text, " \t\r\n")) {
			t.Fatalf("%q became %q", text, v)
		}
		compare(t, v)
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, v); err != nil || !bytes.Equal(v.Compact(), compacted.Bytes()) {
			t.Fatalf("%q is compacted to %q, want %q (%v)", v, v.Compact(), &compacted, err)
		}
	})
}

// depthOf is how deep arrays and objects are nested in valid JSON.
func depthOf(text []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// walkAll reads everything in v.
func walkAll(v Value) (items int) {
	_, _ = v.Int()
	_, _ = v.Units(), v.IsBlank()
	for _, member := range v.Members() {
		items += 1 + walkAll(member)
	}
	for element := range v.Elements() {
		items += 1 + walkAll(element)
	}
	return items + len(v.Text())
}

// compare checks v against what encoding/json makes of it.
func compare(t *testing.T, v Value) {
	t.Helper()
	switch {
	case v.IsString():
		var want string
		if err := json.Unmarshal(v, &want); err != nil || string(v.Text()) != want {
			t.Fatalf("%s is %q, want %q (%v)", v, v.Text(), want, err)
		}
	case v.IsObject():
		var want map[string]json.RawMessage
		if err := json.Unmarshal(v, &want); err != nil {
			t.Fatal(err)
		}
		for name, raw := range want {
			if got := v.Get(name); !bytes.Equal(got, raw) {
				t.Fatalf("%q in %s is %s, want %s", name, v, got, raw)
			}
		}
		for _, member := range v.Members() {
			compare(t, member)
		}
	case v.IsArray():
		var want []json.RawMessage
		if err := json.Unmarshal(v, &want); err != nil {
			t.Fatal(err)
		}
		n := 0
		for element := range v.Elements() {
			if n >= len(want) || !bytes.Equal(element, want[n]) {
				t.Fatalf("element %d of %s is %s", n, v, element)
			}
			compare(t, element)
			n++
		}
		if n != len(want) {
			t.Fatalf("%d elements in %s, want %d", n, v, len(want))
		}
	case v.IsNull() != (string(v) == "null"), v.IsTrue() != (string(v) == "true"):
		t.Fatalf("%s is taken for something else", v)
	}
}
