package httpd

import (
	"bytes"
	"net/netip"
	"testing"
)

func FuzzClientAddress(f *testing.F) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Add("1.1.1.1, 10.0.0.1", false)
	f.Add("10.0.0.1,,", true)
	f.Add("[::1]:80, ::ffff:10.1.1.1", true)
	f.Fuzz(func(t *testing.T, header string, known bool) {
		peer := netip.MustParseAddr("9.9.9.9")
		if known {
			peer = netip.MustParseAddr("10.9.9.9")
		}
		forwarded := [][]byte{[]byte(header)}
		got := clientAddress(peer, forwarded, trusted)
		if !known && got != peer {
			t.Fatalf("a stranger passes for %v", got)
		}
		if !got.IsValid() || got.Is4In6() {
			t.Fatalf("%q gives %v", header, got)
		}
		// Lines are one list: cutting it at a comma makes no difference.
		if i := bytes.IndexByte(forwarded[0], ','); i >= 0 {
			lines := [][]byte{forwarded[0][:i], forwarded[0][i+1:]}
			if again := clientAddress(peer, lines, trusted); again != got {
				t.Fatalf("%q: in one line %v, in two %v", header, got, again)
			}
		}
	})
}
