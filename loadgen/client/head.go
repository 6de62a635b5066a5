package client

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// httpHead is what matters of an answer's status line and headers.
type httpHead struct {
	status  int
	length  int // of the body; -1 where it is not told
	chunked bool
	close   bool // the connection ends with the answer
}

// headEnd is the length of the head at the beginning of b, empty line included;
// 0 while it is not whole.
func headEnd(b []byte) (int, error) {
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		return end + 4, nil
	}
	if len(b) > maxHead {
		return 0, fmt.Errorf("the answer has more than %d bytes of headers", maxHead)
	}
	return 0, nil
}

// parseHead reads a whole head.
func parseHead(b []byte) (httpHead, error) {
	h := httpHead{length: -1}
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return h, fmt.Errorf("the answer is not HTTP/1: it begins with %q", shorten(line))
	}
	h.close = line[7] == '0'
	status, err := strconv.ParseUint(string(line[9:12]), 10, 16)
	if h.status = int(status); err != nil || status < 100 {
		return h, fmt.Errorf("the answer's status is %q", line[9:12])
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) > 0 && (line[0]|0x20 == 'c' || line[0]|0x20 == 't') {
			if err := h.header(line); err != nil {
				return h, err
			}
		}
	}
	if h.chunked {
		h.length = -1 // it rules, where both are there
	}
	return h, nil
}

// header takes one line.
func (h *httpHead) header(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("a header without a colon: %q", shorten(line))
	}
	value = bytes.TrimSpace(value)
	switch len(name) {
	case len("Content-Length"):
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			return nil
		}
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || h.length >= 0 && h.length != int(n) {
			return fmt.Errorf("Content-Length is %q", shorten(value))
		}
		h.length = int(n)
	case len("Transfer-Encoding"):
		if !bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return nil
		}
		if !bytes.EqualFold(value, []byte("chunked")) {
			return fmt.Errorf("Transfer-Encoding is %q: only chunked is known", shorten(value))
		}
		h.chunked = true
	case len("Connection"):
		if !bytes.EqualFold(name, []byte("Connection")) {
			return nil
		}
		for word := range bytes.SplitSeq(value, []byte(",")) {
			switch word = bytes.TrimSpace(word); {
			case bytes.EqualFold(word, []byte("close")):
				h.close = true
			case bytes.EqualFold(word, []byte("keep-alive")):
				h.close = false
			}
		}
	}
	return nil
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
