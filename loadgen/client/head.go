package client

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// httpHead is what matters of a response's status line and headers.
type httpHead struct {
	status   int
	length   int // of the body; -1 where it is not told
	chunked  bool
	close    bool     // the connection ends with the response
	encoding string   // Content-Encoding
	location string   // of a redirect
	cookies  []string // values of Set-Cookie
}

const (
	maxHead = 16 << 10 // bytes of a head
	begins  = "HTTP/"
)

// headEnd is the length of the head at the beginning of b, empty line included;
// 0 while it is not whole. What does not begin like HTTP is a *WrongTargetError at
// once: its head may never end.
func headEnd(b []byte) (int, error) {
	if n := min(len(b), len(begins)); string(b[:n]) != begins[:n] {
		return 0, notHTTP(b)
	}
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		if hasBareLF(b[:end]) {
			return 0, errBareLF
		}
		return checkedHead(end + 4)
	}
	switch {
	case len(b) > maxHead:
		return checkedHead(len(b))
	case bytes.Contains(b, []byte("\n\n")):
		return 0, errBareLF
	}
	return 0, nil
}

var errBareLF = errors.New("a line of the response's head ends in LF alone, not CR LF")

// hasBareLF reports whether an LF has no CR before it. Others take it for the end of
// a line, so that they would read other headers than loadgen does.
func hasBareLF(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return false
		}
		if i == 0 || b[i-1] != '\r' {
			return true
		}
		b = b[i+1:]
	}
}

func checkedHead(n int) (int, error) {
	if n > maxHead {
		return 0, fmt.Errorf("the response has more than %d bytes of headers", maxHead)
	}
	return n, nil
}

// parse reads a whole head.
func (h *httpHead) parse(b []byte) error {
	*h = httpHead{length: -1}
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return fmt.Errorf("the response is not HTTP/1: it begins with %q", shorten(line))
	}
	old := line[7] == '0'
	h.close = old
	status, err := strconv.ParseUint(string(line[9:12]), 10, 16)
	if h.status = int(status); err != nil || status < 100 {
		return fmt.Errorf("the response's status is %q", line[9:12])
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			continue
		}
		colon := bytes.IndexByte(line, ':')
		switch {
		case line[0] == ' ' || line[0] == '\t':
			return fmt.Errorf("a header is continued on the next line: %q", shorten(line))
		case colon <= 0:
			return fmt.Errorf("a header without a name and a colon: %q", shorten(line))
		case line[colon-1] == ' ' || line[colon-1] == '\t':
			return fmt.Errorf("a space before the colon of a header: %q", shorten(line))
		case !soundHeader(line, colon):
			return fmt.Errorf("a header has a character that none may have: %q", shorten(line))
		}
		switch line[0] | 0x20 {
		case 'c', 't', 's', 'l':
			if err := h.header(line, colon); err != nil {
				return err
			}
		}
	}
	if h.chunked && old {
		return errors.New("an HTTP/1.0 response has Transfer-Encoding, which HTTP/1.1 introduced")
	}
	if h.chunked {
		h.length = -1 // it overrides Content-Length
	}
	return nil
}

// tokens are the bytes that a header's name may have.
var tokens = func() (is [256]bool) {
	for c := range 0x80 {
		is[c] = isToken(rune(c))
	}
	return is
}()

// soundHeader reports whether a header's name is a token, and its value has no control
// characters (RFC 9110, section 5.5).
func soundHeader(line []byte, colon int) bool {
	for _, c := range line[:colon] {
		if !tokens[c] {
			return false
		}
	}
	for _, c := range line[colon:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// header reads one line, whose name ends at colon.
func (h *httpHead) header(line []byte, colon int) error {
	name := line[:colon]
	is := func(want string) bool { return len(name) == len(want) && bytes.EqualFold(name, []byte(want)) }
	switch len(name) {
	case len("Location"):
		if h.status >= 300 && h.status <= 399 && is("Location") {
			h.location = string(value(line, colon))
		}
	case len("Content-Length"): // as long as Content-Range
		if is("Content-Length") {
			return h.contentLength(value(line, colon))
		}
	case len("Transfer-Encoding"):
		if is("Transfer-Encoding") {
			return h.transferEncoding(value(line, colon))
		}
	case len("Content-Encoding"):
		if is("Content-Encoding") {
			if h.encoding != "" {
				h.encoding += ","
			}
			h.encoding += string(value(line, colon))
		}
	case len("Connection"): // as long as Set-Cookie
		switch {
		case is("Set-Cookie"):
			h.cookies = append(h.cookies, string(value(line, colon)))
		case is("Connection"):
			h.connection(value(line, colon))
		}
	}
	return nil
}

func value(line []byte, colon int) []byte { return bytes.TrimSpace(line[colon+1:]) }

func (h *httpHead) contentLength(value []byte) error {
	n, err := strconv.ParseUint(string(value), 10, 31)
	if err != nil || h.length >= 0 && h.length != int(n) {
		return fmt.Errorf("Content-Length is %q", shorten(value))
	}
	h.length = int(n)
	return nil
}

func (h *httpHead) transferEncoding(value []byte) error {
	switch {
	case !bytes.EqualFold(value, []byte("chunked")):
		return fmt.Errorf("Transfer-Encoding is %q: only chunked is known", shorten(value))
	case h.chunked:
		return errors.New("Transfer-Encoding stands twice")
	}
	h.chunked = true
	return nil
}

func (h *httpHead) connection(value []byte) {
	for word := range bytes.SplitSeq(value, []byte(",")) {
		switch word = bytes.TrimSpace(word); {
		case bytes.EqualFold(word, []byte("close")):
			h.close = true
		case bytes.EqualFold(word, []byte("keep-alive")):
			h.close = false
		}
	}
}

// maxLine bounds the line before a chunk, and a trailer.
const maxLine = 1 << 10

// cutLine takes a line; n is 0 while it is not whole.
func cutLine(b []byte) (text []byte, n int, err error) {
	end := bytes.Index(b, []byte("\r\n"))
	switch {
	case end >= 0:
		return b[:end], end + 2, nil
	case len(b) > maxLine:
		return nil, 0, errors.New("a chunk begins with a line that does not end")
	}
	return nil, 0, nil
}

// parseChunk reads the line before a chunk: its size, and extensions that do not matter.
func parseChunk(line []byte) (int, error) {
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
	if err != nil {
		return 0, fmt.Errorf("a chunk of %q bytes", shorten(line))
	}
	return int(n), nil
}
