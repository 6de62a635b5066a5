package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// AppendHeader appends the header of a whole, unmasked frame, as servers send
// it; length bytes of payload are to follow.
func AppendHeader(dst []byte, op Op, length int) []byte {
	return appendHeader(dst, op, length, 0)
}

// AppendMaskedHeader appends the header of a whole frame as clients send it;
// length bytes are to follow, masked with the key.
func AppendMaskedHeader(dst []byte, op Op, key [4]byte, length int) []byte {
	return append(appendHeader(dst, op, length, maskBit), key[:]...)
}

func appendHeader(dst []byte, op Op, length int, mask byte) []byte {
	first := finBit | byte(op)
	switch {
	case length < len16:
		return append(dst, first, mask|byte(length))
	case length <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|len16), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, mask|len64), uint64(length))
	}
}

// Append appends a whole, unmasked frame, as servers send it. The payload of a
// control frame has at most MaxControl bytes.
func Append[T []byte | string](dst []byte, op Op, payload T) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// AppendMasked appends a whole frame as clients send it. The payload stays as it is.
func AppendMasked[T []byte | string](dst []byte, op Op, key [4]byte, payload T) []byte {
	dst = append(AppendMaskedHeader(dst, op, key, len(payload)), payload...)
	Mask(dst[len(dst)-len(payload):], key)
	return dst
}

// AppendClose appends a close frame as servers send it. A reason longer than
// MaxReason bytes is cut, between characters; NoStatus gives an empty frame.
func AppendClose(dst []byte, code Code, reason string) []byte {
	reason = cut(reason, MaxReason)
	if code == NoStatus {
		return AppendHeader(dst, Close, 0)
	}
	dst = AppendHeader(dst, Close, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// AppendMaskedClose is AppendClose for clients.
func AppendMaskedClose(dst []byte, key [4]byte, code Code, reason string) []byte {
	reason = cut(reason, MaxReason)
	if code == NoStatus {
		return AppendMaskedHeader(dst, Close, key, 0)
	}
	dst = AppendMaskedHeader(dst, Close, key, 2+len(reason))
	start := len(dst)
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
	Mask(dst[start:], key)
	return dst
}

// cut shortens s to at most limit bytes without splitting a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
