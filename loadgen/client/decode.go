package client

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	brotli "github.com/molecule-man/go-brrr"

	"guestload/loadgen/session"
)

// decode undoes the codings of a body, the value of Content-Encoding. loadgen does
// not ask for any, but some proxies compress all the same.
func decode(encoding string, body []byte) ([]byte, error) {
	codings := strings.Split(strings.ToLower(encoding), ",")
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("%w: Content-Encoding is %q: at most %d codings are undone", session.ErrProtocol, shorten([]byte(encoding)), maxCodings)
	}
	for _, coding := range slices.Backward(codings) {
		coding = strings.TrimSpace(coding)
		var from io.Reader
		var err error
		switch coding {
		case "", "identity":
			continue
		case "gzip", "x-gzip":
			from, err = gzip.NewReader(bytes.NewReader(body))
		case "deflate":
			from, err = inflate(body)
		case "br":
			from = brotli.NewReader(bytes.NewReader(body))
		default:
			return nil, fmt.Errorf("%w: Content-Encoding is %q: gzip, deflate and br are undone", session.ErrProtocol, shorten([]byte(coding)))
		}
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(from, maxAnswer+1))
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: a response is said to be %s, and is not: %w", session.ErrProtocol, coding, err)
		case len(body) > maxAnswer:
			return nil, fmt.Errorf("%w: a response of more than %d bytes, compressed with %s: no more are read", session.ErrProtocol, maxAnswer, coding)
		}
	}
	return body, nil
}

const maxCodings = 3

// inflate reads deflate as RFC 9110 has it, within zlib, and as some servers send
// it, without.
func inflate(body []byte) (io.Reader, error) {
	if len(body) >= 2 && body[0]&0x0f == 8 && (int(body[0])<<8|int(body[1]))%31 == 0 {
		return zlib.NewReader(bytes.NewReader(body))
	}
	return flate.NewReader(bytes.NewReader(body)), nil
}
