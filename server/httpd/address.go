package httpd

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/valyala/fasthttp"
)

// client returns the address that limits count by: the peer's, or what proxies
// that we trust say of it.
func (s *Server) client(ctx *fasthttp.RequestCtx) netip.Addr {
	peer := peerOf(ctx.RemoteAddr())
	if len(s.proxies) == 0 {
		return subscriber(peer)
	}
	return subscriber(clientAddress(peer, ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor), s.proxies))
}

func peerOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{} // connections that are no TCP count as one client
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// clientAddress goes back through the hops that X-Forwarded-For lists, from the
// nearest, as long as proxies we trust vouch for them. What stands left of the
// first stranger is the stranger's own claim, and counts for nothing.
func clientAddress(peer netip.Addr, forwarded [][]byte, trusted []netip.Prefix) netip.Addr {
	at := peer
	for line := len(forwarded) - 1; line >= 0; line-- {
		for rest := forwarded[line]; len(rest) > 0; {
			if !within(trusted, at) {
				return at
			}
			hop := rest
			if i := bytes.LastIndexByte(rest, ','); i >= 0 {
				rest, hop = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if hop = bytes.TrimSpace(hop); len(hop) == 0 {
				continue // lists may have empty elements (RFC 9110, 5.6.1)
			}
			next, ok := parseHop(string(hop))
			if !ok {
				return at // the trusted proxy passes on what is no address: it stands for it
			}
			at = next
		}
	}
	return at
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// subscriber is what one customer of a network has: a single IPv4 address, or
// an IPv6 /64, which offers too many addresses to count each.
func subscriber(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
