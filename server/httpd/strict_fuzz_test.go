package httpd

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzHeads parses request heads as fasthttp does and checks that headFault lets none
// pass which a proxy in front could read differently.
func FuzzHeads(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.2\r\nA: b\r\n\r\n", "POST / HTTP/1.1\r\nA: b\r\n c: d\r\nContent-Length: 1\r\n\r\n",
		"POST / HTTP/1.1\nTransfer-Encoding: identity\nContent-Length: 1\n\n", "POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, head string) {
		var h fasthttp.RequestHeader
		if h.Read(bufio.NewReaderSize(strings.NewReader(head), 64<<10)) != nil {
			return
		}
		if status, _ := headFault(&h); status != 0 {
			return
		}
		lines := strings.Split(strings.ReplaceAll(strings.TrimLeft(head, "\r\n"), "\r\n", "\n"), "\n")
		if !strings.HasSuffix(lines[0], " HTTP/1.1") && !strings.HasSuffix(lines[0], " HTTP/1.0") {
			t.Errorf("let pass: %q", lines[0])
		}
		var length, coding int
		for _, line := range lines[1:] {
			if line == "" {
				break
			}
			if line[0] == ' ' || line[0] == '\t' {
				t.Errorf("a folded line passed: %q", head)
			}
			name, _, _ := strings.Cut(line, ":")
			switch {
			case strings.EqualFold(name, "Content-Length"):
				length++
			case strings.EqualFold(name, "Transfer-Encoding"):
				coding++
			}
		}
		if length+coding > 1 {
			t.Errorf("the length is told more than once: %q", head)
		}
	})
}

// FuzzWebSocketKey checks that what passes is what a decoder and encoder agree on.
func FuzzWebSocketKey(f *testing.F) {
	f.Add([]byte("dGhlIHNhbXBsZSBub25jZQ=="))
	f.Add([]byte("AAAAAAAAAAAAAAAAAAAAAB=="))
	f.Fuzz(func(t *testing.T, key []byte) {
		var h fasthttp.RequestHeader
		h.SetBytesV(fasthttp.HeaderSecWebSocketKey, key)
		if isWebSocketKey(&h) && (len(key) != 24 || !bytes.HasSuffix(key, []byte("=="))) {
			t.Errorf("%q passed", key)
		}
	})
}
