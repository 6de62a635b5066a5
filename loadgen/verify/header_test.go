package verify

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAMarkCarriesWhatWasSent(t *testing.T) {
	for _, m := range []Header{
		{},
		{Guest: 1, Chat: 1, Seq: 1, K: 1, N: 1, Intended: time.Microsecond, Tag: 1},
		{Guest: 4999, Chat: 3, Seq: 31, K: 7, N: 10, Intended: 29_999_999 * time.Microsecond, Tag: 0xfff},
		{Guest: 99_999, Chat: 4_000_000, Seq: 70_000, K: 70_000, N: 70_000, Intended: 30 * 24 * time.Hour, Tag: 0xabc},
	} {
		text := appendHeader(nil, m)
		text = append(text, " hello"...)
		seal(text)
		got, err := ReadHeader(text)
		if err != nil || got != m {
			t.Errorf("ReadHeader(%q) = %+v, %v, want %+v", text, got, err, m)
		}
	}
}

func TestADamagedTextHasNoHeader(t *testing.T) {
	text := appendHeader(nil, Header{Guest: 17, Chat: 1, Seq: 3, K: 3, N: 8, Intended: time.Second, Tag: 99})
	text = append(text, " do you like maps?"...)
	seal(text)
	for i := range text {
		if _, err := ReadHeader(text[:i]); err == nil {
			t.Errorf("cut to %d bytes it is still taken for whole", i)
		}
		if _, err := ReadHeader(text[i+1:]); err == nil {
			t.Errorf("without its first %d bytes it is still taken for whole", i+1)
		}
		for _, other := range []byte{'A', 'b', ' ', 0, 0xff} {
			damaged := bytes.Clone(text)
			damaged[i] = other
			if _, err := ReadHeader(damaged); err == nil && other != text[i] {
				t.Errorf("with byte %d changed from %q to %q it is still taken for whole", i, text[i], other)
			}
		}
	}
	if _, err := ReadHeader(append(text, '!')); err == nil {
		t.Error("with something behind it, it is still taken for whole")
	}
}

func TestComposedTextsAreAsLongAsAsked(t *testing.T) {
	w := New(Contract()).Witness(4999)
	r := rand.New(rand.NewPCG(1, 1))
	header := len(w.Compose(nil, 30*time.Second, 10, 10, 0, r))
	if header > 20 {
		t.Errorf("a header takes %d bytes of a text that may have 20", header)
	}
	for length := range 1001 {
		text := w.Compose(nil, 30*time.Second, 10, 10, length, r)
		if want := max(length, header); len(text) != want {
			t.Fatalf("length %d: %d bytes, want %d: %q", length, len(text), want, text)
		}
		if quoted, _ := json.Marshal(string(text)); len(quoted) != len(text)+2 {
			t.Fatalf("%q needs escaping", text)
		}
		if !bytes.Equal(bytes.TrimSpace(text), text) {
			t.Fatalf("%q begins or ends with a space", text)
		}
		if m, err := ReadHeader(text); err != nil || m.Guest != 4999 || m.K != 10 || m.N != 10 || m.Intended != 30*time.Second {
			t.Fatalf("%q reads as %+v, %v", text, m, err)
		}
	}
}

func TestTheSameSeedComposesTheSameTexts(t *testing.T) {
	w := New(Contract()).Witness(1)
	compose := func(seed uint64) string {
		return string(w.Compose(nil, time.Second, 1, 2, 200, rand.New(rand.NewPCG(seed, 0))))
	}
	if first, again := compose(1), compose(1); first != again {
		t.Error("two texts from one seed differ")
	}
	if compose(1) == compose(2) {
		t.Error("two seeds give the same text")
	}
}

func TestGivenTextsKeepTheirHeader(t *testing.T) {
	w := New(Contract()).Witness(1)
	for _, own := range []string{"", "hi", "grüß dich 👋", "\"quoted\"\n"} {
		text := w.ComposeText([]byte("before"), time.Second, 2, 3, own)
		if !bytes.HasPrefix(text, []byte("before")) || !bytes.HasSuffix(text, []byte(own)) {
			t.Errorf("ComposeText(%q) = %q", own, text)
		}
		if m, err := ReadHeader(text[len("before"):]); err != nil || m.K != 2 || m.N != 3 {
			t.Errorf("%q reads as %+v, %v", text, m, err)
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	w := New(Contract()).Witness(77)
	f.Add(w.Compose(nil, time.Second, 1, 2, 60, rand.New(rand.NewPCG(1, 1))))
	f.Add([]byte("~AAAAAAAAAAAAA"))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadHeader(text)
		if err != nil {
			return
		}
		if m.Guest < 0 || m.Chat < 0 || m.Seq < 0 || m.K < 0 || m.N < 0 {
			t.Fatalf("ReadHeader(%q) = %+v", text, m)
		}
	})
}

func FuzzMarkRoundTrip(f *testing.F) {
	f.Add(4999, 1, 2, 3, 8, int64(12345678), uint16(77), "hello")
	f.Fuzz(func(t *testing.T, guest, chat, seq, k, n int, micros int64, tag uint16, text string) {
		const most = 1<<50 - 1
		m := Header{guest & most, chat & most, seq & most, k & most, n & most, time.Duration(micros&(most>>3)) * time.Microsecond, tag & 0xfff}
		sealed := append(appendHeader(nil, m), text...)
		seal(sealed)
		if got, err := ReadHeader(sealed); err != nil || got != m {
			t.Fatalf("%+v came back as %+v, %v", m, got, err)
		}
	})
}
