package api

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"guestload/server/api/frame"
)

func TestAppendEvent(t *testing.T) {
	for _, c := range []struct {
		framing     Framing
		event, data string
		want        string
	}{
		{JSON, EventMatch, "", `{"event":"user:match"}`},
		{JSON, EventChatError, `{"message":"x"}`, `{"event":"chat:error","data":{"message":"x"}}`},
		{JSON, `o"dd`, "1", `{"event":"o\"dd","data":1}`},
		{SocketIO, EventMatch, "", `42["user:match"]`},
		{SocketIO, EventChatError, `{"message":"x"}`, `42["chat:error",{"message":"x"}]`},
		{SocketIO, `o"dd`, "1", `42["o\"dd",1]`},
	} {
		all := [][]byte{[]byte(c.data)}
		if c.data == "" {
			all = append(all, nil) // no data, as the empty slice
		}
		for _, data := range all {
			if got := string(AppendEvent([]byte("-"), c.framing, c.event, data)); got != "-"+c.want {
				t.Errorf("data %#v: got %s, want -%s", data, got, c.want)
			}
		}
	}
	if got := string(AppendAck(nil, 12, nil)); got != `4312[]` {
		t.Error(got)
	}
}

// TestFramesSayWhatTextsSay: every function that appends a frame appends the
// frame of its text, whatever the length.
func TestFramesSayWhatTextsSay(t *testing.T) {
	key := [4]byte{1, 2, 3, 4}
	for _, size := range []int{0, 1, 60, 70, 80, 90, 100, 110, 120, 125, 200, 65400, 65500, 65536, 70000} {
		text := strings.Repeat("x", size)
		for _, data := range [][]byte{nil, {}, AppendString(nil, text)} {
			for _, f := range []Framing{JSON, SocketIO} {
				for _, event := range []string{EventChatMessage, "\"\n€\xff😀"} {
					want := AppendEvent(nil, f, event, data)
					check(t, frame.Client, AppendEventFrame([]byte("-"), f, event, data), want)
					check(t, frame.Server, AppendMaskedEventFrame([]byte("-"), f, key, event, data), want)
				}
				notice := AppendEvent(nil, f, EventError, AppendNotice(nil, text))
				check(t, frame.Client, AppendNoticeFrame([]byte("-"), f, EventError, text), notice)
			}
			check(t, frame.Client, AppendAckFrame([]byte("-"), 42, data), AppendAck(nil, 42, data))
		}
	}
}

func check(t *testing.T, side frame.Side, wire, want []byte) {
	t.Helper()
	f, n, err := frame.Parse(wire[1:], side, 1<<20)
	if err != nil || n != len(wire)-1 || f.Op != frame.Text || !f.Fin || string(f.Payload) != string(want) {
		t.Fatalf("%d of %d bytes, %v: got %.100s, want %.100s", n, len(wire)-1, err, f.Payload, want)
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	buf, data := make([]byte, 0, 4096), []byte(`{"message":"x"}`)
	for _, f := range []Framing{JSON, SocketIO} {
		if n := testing.AllocsPerRun(10, func() {
			buf = AppendEventFrame(buf[:0], f, EventChatMessage, data)
			buf = AppendMaskedEventFrame(buf[:0], f, [4]byte{1}, EventChatMessage, data)
			buf = AppendNoticeFrame(buf[:0], f, EventError, TextReplaced)
			buf = AppendAckFrame(buf[:0], 1, data)
		}); n != 0 {
			t.Errorf("%v: %v allocations, want none", f, n)
		}
	}
}

func TestAppendStringEscapesAsJavaScriptDoes(t *testing.T) {
	for s, want := range map[string]string{
		"":                         `""`,
		"plain":                    `"plain"`,
		"\"\\/":                    `"\"\\/"`,
		"\b\f\n\r\t":               `"\b\f\n\r\t"`,
		"\x00\x1f\x7f":             "\"\\u0000\\u001f\x7f\"",
		"<&>\u2028€😀":              "\"<&>\u2028€😀\"",
		"a\xffb\xe2\x82":           "\"a\uFFFDb\uFFFD\uFFFD\"",
		"\uFFFD":                   "\"\uFFFD\"",
		strings.Repeat("abc\n", 9): `"` + strings.Repeat(`abc\n`, 9) + `"`,
	} {
		if got := string(AppendString([]byte("-"), s)); got != "-"+want {
			t.Errorf("%q: got %s, want -%s", s, got, want)
		}
	}
}

// Eight characters are looked at at once: each must count wherever it stands.
func TestAppendStringSeesEveryCharacterOfAString(t *testing.T) {
	for _, length := range []int{1, 7, 8, 9, 16, 17, 24} {
		for at := range length {
			for c := range 0x100 {
				before, after := strings.Repeat("~", at), strings.Repeat(" ", length-at-1)
				got := string(AppendString(nil, before+string([]byte{byte(c)})+after))
				want := strings.Trim(string(AppendString(nil, string([]byte{byte(c)}))), `"`) // too short to be looked at so
				if c == '"' {
					want = `\"`
				}
				if got != `"`+before+want+after+`"` {
					t.Fatalf("%#x at %d of %d: got %s", c, at, length, got)
				}
			}
		}
	}
}

// FuzzAppendString: what is written is JSON, is read back as it was, and is as
// long as it was reckoned to be.
func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"\\\x00\x1f", "€😀\xff", "\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := AppendString(nil, s)
		if len(text) != stringSize(s) {
			t.Fatalf("%q: %d bytes, reckoned %d", s, len(text), stringSize(s))
		}
		var back string
		if err := json.Unmarshal(text, &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") && utf8.ValidString(s) {
			t.Fatalf("%q became %s, read back as %q: %v", s, text, back, err)
		}
		v, err := ParseJSON(text)
		if err != nil || string(v.Text()) != back {
			t.Fatalf("%s: read as %q, want %q: %v", text, v.Text(), back, err)
		}
	})
}
