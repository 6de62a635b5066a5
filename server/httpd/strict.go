package httpd

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// Sentences for requests that HTTP does not allow.
const (
	textHTTPVersion   = "HTTP version is not supported: want HTTP/1.1 or HTTP/1.0"
	textFoldedHeader  = "Header lines must not be folded"
	textTwoLengths    = "Transfer-Encoding and Content-Length must not be used together"
	textTransferCode  = "Transfer-Encoding is not supported: want chunked, once, over HTTP/1.1"
	textWebSocketKey  = "Sec-WebSocket-Key must be 16 bytes in base64"
	textRepeatedField = "Content-Length must be given once"
)

// headFault returns the status and the sentence for a request whose head HTTP does not
// allow, but fasthttp takes; 0 for all others. What two servers read differently can be
// used to smuggle a request past the first.
func headFault(h *fasthttp.RequestHeader) (status int, text string) {
	if !h.IsHTTP11() && string(h.Protocol()) != "HTTP/1.0" {
		return fasthttp.StatusHTTPVersionNotSupported, textHTTPVersion
	}
	raw := h.RawHeaders()
	if isFolded(raw) {
		return fasthttp.StatusBadRequest, textFoldedHeader
	}
	// fasthttp closes the connection of a request with both, so that others need not
	// be searched for them.
	if h.ConnectionClose() && hasField(raw, fasthttp.HeaderTransferEncoding) && hasField(raw, fasthttp.HeaderContentLength) {
		return fasthttp.StatusBadRequest, textTwoLengths
	}
	return 0, ""
}

// isFolded reports whether a header line goes on in the next one (RFC 9112, 5.2).
func isFolded(raw []byte) bool {
	for len(raw) > 0 {
		if raw[0] == ' ' || raw[0] == '\t' {
			return true
		}
		end := bytes.IndexByte(raw, '\n')
		if end < 0 {
			return false
		}
		raw = raw[end+1:]
	}
	return false
}

// hasField reports whether raw headers have a field of this name.
func hasField(raw []byte, name string) bool {
	for line := range bytes.Lines(raw) {
		if field, _, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(field), name) {
			return true
		}
	}
	return false
}

// expect decides whether a client that asks first (Expect: 100-continue) may send its
// body, or answers why not. It is fasthttp's ExpectHandler.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	status, text := headFault(&ctx.Request.Header)
	if status == 0 && ctx.Request.Header.ContentLength() > api.MaxBody {
		status, text = fasthttp.StatusRequestEntityTooLarge, api.TextBodyTooLarge
	}
	if status == 0 {
		return fasthttp.StatusContinue
	}
	s.secure(ctx)
	fail(ctx, status, text)
	sayLast(ctx)
	s.metrics.request(routeNone, status)
	return status
}

// explainHead translates an error of fasthttp's about a request's head.
func explainHead(err error) (status int, text string) {
	switch {
	case errors.Is(err, fasthttp.ErrDuplicateContentLength):
		return fasthttp.StatusBadRequest, textRepeatedField
	case errors.Is(err, fasthttp.ErrUnsupportedTransferEncoding):
		return fasthttp.StatusNotImplemented, textTransferCode
	case strings.Contains(err.Error(), `unsupported http version "HTTP/`):
		return fasthttp.StatusHTTPVersionNotSupported, textHTTPVersion
	}
	return fasthttp.StatusBadRequest, textBadRequest
}

// isWebSocketKey reports whether the request has exactly one Sec-WebSocket-Key, and
// that is 16 bytes in base64 (RFC 6455, 4.1).
func isWebSocketKey(h *fasthttp.RequestHeader) bool {
	const size = 16
	keys := h.PeekAll(fasthttp.HeaderSecWebSocketKey)
	if len(keys) != 1 || len(keys[0]) != base64.StdEncoding.EncodedLen(size) {
		return false
	}
	var decoded [size + 2]byte // what so much base64 holds at most
	n, err := base64.StdEncoding.Strict().Decode(decoded[:], keys[0])
	return err == nil && n == size
}
