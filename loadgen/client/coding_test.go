package client

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"

	brotli "github.com/molecule-man/go-brrr"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// coded encodes text with one coding.
func coded(t *testing.T, text string, to func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := to(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(w io.Writer) (io.WriteCloser, error)  { return gzip.NewWriter(w), nil }
func deflated(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 6) }
func inZlib(w io.Writer) (io.WriteCloser, error)   { return zlib.NewWriter(w), nil }
func inBrotli(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriter(w, 4) }

func TestCodingsAreUndone(t *testing.T) {
	bomb := strings.Repeat("0", 2*maxAnswer)
	for _, tt := range []struct{ name, encoding, body, kind string }{
		{"gzip", "gzip", coded(t, sound, gzipped), ""},
		{"its old name, in capitals", "X-GZIP", coded(t, sound, gzipped), ""},
		{"deflate in zlib", "deflate", coded(t, sound, inZlib), ""},
		{"deflate alone", "deflate", coded(t, sound, deflated), ""},
		{"brotli", "br", coded(t, sound, inBrotli), ""},
		{"none", "identity", sound, ""},
		{"two", "gzip, br", coded(t, coded(t, sound, gzipped), inBrotli), ""},
		{"four", "gzip, gzip, gzip, gzip", "", session.KindProtocol},
		{"another", "zstd", sound, session.KindProtocol},
		{"gzip cut short", "gzip", coded(t, sound, gzipped)[:20], session.KindProtocol},
		{"brotli cut short", "br", coded(t, sound, inBrotli)[:10], session.KindProtocol},
		{"gzip that is none", "gzip", sound, session.KindProtocol},
		{"a bomb of gzip", "gzip", coded(t, bomb, gzipped), session.KindProtocol},
		{"a bomb of deflate", "deflate", coded(t, bomb, inZlib), session.KindProtocol},
		{"a bomb of brotli", "br", coded(t, bomb, inBrotli), session.KindProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, answer := range map[string]string{
				"sized":   fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", tt.encoding, len(tt.body), tt.body),
				"chunked": fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", tt.encoding, len(tt.body), tt.body),
			} {
				if name == "chunked" && tt.body == "" {
					continue
				}
				target, _ := scripted(t, 1<<20, answer)
				c := newClient(t, target, 0)
				got := int64(0)
				err := c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, func(data api.Value) error {
					got, _ = data.Get("n").Int()
					return nil
				})
				if tt.kind == "" && (err != nil || got != 1) || tt.kind != "" && (err == nil || session.Kind(err) != tt.kind) {
					t.Errorf("%s: %d, %v; want kind %q", name, got, err, tt.kind)
				}
			}
		})
	}
}
