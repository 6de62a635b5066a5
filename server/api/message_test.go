package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseChat(t *testing.T) {
	text := func(content string) string { return `{"type":"text","content":"` + content + `"}` }
	file := func(content string) string { return `{"type":"file","content":` + content + `}` }
	voice := func(content string) string { return `{"type":"voice","content":` + content + `}` }
	for _, c := range []struct {
		name, data string
		ok         bool
	}{
		{"one unit", text("x"), true},
		{"1000 units", text(strings.Repeat("x", 1000)), true},
		{"1001 units", text(strings.Repeat("x", 1001)), false},
		{"500 pairs", text(strings.Repeat("😀", 500)), true},
		{"500 pairs and one unit", text(strings.Repeat("😀", 500) + "x"), false},
		{"1000 escapes", text(strings.Repeat(`\u20ac`, 1000)), true},
		{"1001 escapes", text(strings.Repeat(`\n`, 1000) + "x"), false},
		{"500 escaped pairs", text(strings.Repeat(`\ud83d\ude00`, 500)), true},
		{"1000 characters of three bytes", text(strings.Repeat("€", 1000)), true},
		{"half a pair", text(`\ud83d`), true},
		{"empty", text(""), false},
		{"spaces", text("  \u00a0\u2003\ufeff "), false},
		{"escaped spaces", text(` \t\n\r\u0020\u2028\ufeff`), false},
		{"next line, no space to JavaScript", text("\u0085"), true},
		{"zero width space, no space either", text("\u200b"), true},
		{"a nul", text(`\u0000`), true},
		{"text as a number", `{"type":"text","content":1}`, false},
		{"text as null", `{"type":"text","content":null}`, false},
		{"text as an object", `{"type":"text","content":{}}`, false},
		{"no content", `{"type":"text"}`, false},
		{"no type", `{"content":"x"}`, false},
		{"unknown type", `{"type":"image","content":"x"}`, false},
		{"type in capitals", `{"type":"TEXT","content":"x"}`, false},
		{"type as an array", `{"type":["text"],"content":"x"}`, false},
		{"escaped type", `{"type":"t\u0065xt","content":"x"}`, true},
		{"unknown members", `{"type":"text","content":"x","timestamp":{},"more":[]}`, true},
		{"last content counts", `{"type":"text","content":"x","content":1}`, false},
		{"an array", `["text","x"]`, false},
		{"a string", `"text"`, false},

		{"file", file(`{"filename":"a","fileType":"image/png","fileSize":1}`), true},
		{"largest file", file(`{"filename":"a","fileType":"t","fileSize":10485760}`), true},
		{"too large a file", file(`{"filename":"a","fileType":"t","fileSize":10485761}`), false},
		{"empty file", file(`{"filename":"a","fileType":"t","fileSize":0}`), false},
		{"negative file", file(`{"filename":"a","fileType":"t","fileSize":-1}`), false},
		{"half a byte", file(`{"filename":"a","fileType":"t","fileSize":1.5}`), false},
		{"size as a string", file(`{"filename":"a","fileType":"t","fileSize":"1"}`), false},
		{"size told twice", file(`{"filename":"a","fileType":"t","fileSize":1,"fileSize":1e9}`), false},
		{"size told twice, once in disguise", file(`{"filename":"a","fileType":"t","fileSize":1,"\u0066ileSize":1e9}`), false},
		{"file without a name", file(`{"filename":"","fileType":"t","fileSize":1}`), false},
		{"file without a type", file(`{"filename":"a","fileSize":1}`), false},
		{"file without a size", file(`{"filename":"a","fileType":"t"}`), false},
		{"file as a string", file(`"a.png"`), false},

		{"voice", voice(`{"duration":0.1,"fileSize":1}`), true},
		{"longest voice", voice(`{"duration":300,"fileSize":10485760}`), true},
		{"too long a voice", voice(`{"duration":300.01,"fileSize":1}`), false},
		{"no time at all", voice(`{"duration":0,"fileSize":1}`), false},
		{"negative time", voice(`{"duration":-1,"fileSize":1}`), false},
		{"endless voice", voice(`{"duration":1e999,"fileSize":1}`), false},
		{"duration as a string", voice(`{"duration":"1","fileSize":1}`), false},
		{"voice without a size", voice(`{"duration":1}`), false},
		{"voice too large", voice(`{"duration":1,"fileSize":10485761}`), false},
	} {
		body, err := ParseChat(mustParse(t, c.data))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && body.Content != nil {
			t.Errorf("%s: content in spite of the error", c.name)
		}
	}
	if _, err := ParseChat(nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("nothing: %v", err)
	}
}

// TestContentArrivesWhole: what a client sent as content is what its partner
// gets, byte for byte, in both framings.
func TestContentArrivesWhole(t *testing.T) {
	for _, c := range []struct{ kind, content string }{
		{"text", `"half \ud83d, \u0000, \/, 😀, \ud83d\ude00, \u2028"`},
		{"file", `{ "filename":"a\u0001b" , "fileType":"t","fileSize":1.0, "data":[1e400,{"x":null}], "\u0001":"\u0002" }`},
		{"voice", `{"duration":1e0,"fileSize":12,"waveform":[0.10,0.20]}`},
	} {
		for _, f := range []Framing{JSON, SocketIO} {
			sent := AppendEvent(nil, f, EventChatMessage, fmt.Appendf(nil, `{"content":%s,"type":"%s","timestamp":17}`, c.content, c.kind))
			p, err := Decode(f, sent)
			if err != nil {
				t.Fatal(err)
			}
			body, err := ParseChat(p.Data)
			if err != nil || body.Type.String() != c.kind || string(body.Timestamp) != "17" {
				t.Fatalf("%s: %+v, %v", sent, body, err)
			}
			got, err := Decode(f, AppendEvent(nil, f, EventChatMessage, AppendChatMessage(nil, "m", "a", "Ann", body, at)))
			if err != nil {
				t.Fatal(err)
			}
			if content := got.Data.Get("content"); string(content) != c.content || string(got.Data.Get("type").Text()) != c.kind {
				t.Errorf("sent %s, got %s", c.content, content)
			}
		}
	}
}

func TestClientsMessagesAreValid(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want string
	}{
		{AppendText(nil, "a\n\"b\""), `{"type":"text","content":"a\n\"b\""}`},
	} {
		if string(c.data) != c.want {
			t.Errorf("got %s, want %s", c.data, c.want)
		}
		if _, err := ParseChat(mustParse(t, c.want)); err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func TestMessagesAllocateNothing(t *testing.T) {
	for _, data := range []string{
		`{"type":"text","content":"hi, how are you?"}`, `{"type":"file","content":{"filename":"a","fileType":"b","fileSize":1}}`, `{"type":"voice","content":{"duration":2.5,"fileSize":1}}`,
	} {
		for _, f := range []Framing{JSON, SocketIO} {
			in, out := AppendEvent(nil, f, EventChatMessage, []byte(data)), make([]byte, 0, 1024)
			if n := testing.AllocsPerRun(10, func() {
				p, _ := Decode(f, in)
				body, _ := ParseChat(p.Data)
				out = AppendChatMessage(out[:0], "m", "a", "Ann", body, at)
			}); n != 0 {
				t.Errorf("%s: %v allocations, want none", in, n)
			}
		}
	}
}
