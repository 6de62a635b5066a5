package guest

import (
	"time"
	"unicode/utf8"
)

// timestampLayout is JavaScript's Date.toISOString.
const timestampLayout = "2006-01-02T15:04:05.000Z"

// AppendTime appends t as ISO 8601 in UTC with milliseconds, without quotes:
// 2024-01-01T00:05:00.000Z. Every message carries one, and digit by digit takes
// a fifth of what a layout takes.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, timestampLayout)
	}
	hour, minute, second := t.Clock()
	dst = append2(append2(dst, year/100), year%100)
	dst = append2(append(dst, '-'), int(month))
	dst = append2(append(dst, '-'), day)
	dst = append2(append(dst, 'T'), hour)
	dst = append2(append(dst, ':'), minute)
	dst = append2(append(dst, ':'), second)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(append2(append(dst, '.', byte('0'+ms/100)), ms%100), 'Z')
}

// append2 appends two digits.
func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// Timestamp returns t as AppendTime writes it.
func Timestamp(t time.Time) string {
	return t.UTC().Format(timestampLayout)
}

// AppendJSON appends the stored document to dst and returns the result: one
// compact object with the 14 fields, always all of them and in the order that
// the contract's backends write, then deviceId and ip where they are set.
func (s *Session) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendString(dst, s.ID)
	dst = append(dst, `,"sessionId":`...)
	dst = AppendString(dst, s.SessionID)
	dst = append(dst, `,"username":`...)
	dst = AppendString(dst, s.Username)
	dst = append(dst, `,"isOnline":`...)
	dst = appendBool(dst, s.IsOnline)
	dst = append(dst, `,"lastSeen":`...)
	dst = appendTime(dst, s.LastSeen)
	dst = append(dst, `,"isSearching":`...)
	dst = appendBool(dst, s.IsSearching)
	dst = append(dst, `,"inChat":`...)
	dst = appendBool(dst, s.InChat)
	dst = append(dst, `,"connectedUser":`...)
	dst = appendOptional(dst, s.ConnectedUser)
	dst = append(dst, `,"socketId":`...)
	dst = appendOptional(dst, s.SocketID)
	dst = append(dst, `,"location":`...)
	dst = s.Location.AppendJSON(dst)
	dst = append(dst, `,"gender":`...)
	dst = appendOptional(dst, s.Gender)
	dst = append(dst, `,"language":`...)
	dst = appendOptional(dst, s.Language)
	dst = append(dst, `,"createdAt":`...)
	dst = appendTime(dst, s.CreatedAt)
	dst = append(dst, `,"connectedAt":`...)
	dst = appendOptionalTime(dst, s.ConnectedAt)
	if s.DeviceID != "" {
		dst = append(dst, `,"deviceId":`...)
		dst = AppendString(dst, s.DeviceID)
	}
	if s.IP != "" {
		dst = append(dst, `,"ip":`...)
		dst = AppendString(dst, s.IP)
	}
	return append(dst, '}')
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = AppendTime(dst, t)
	return append(dst, '"')
}

// appendOptionalTime writes null for the zero time.
func appendOptionalTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return appendTime(dst, t)
}

// appendOptional writes null for the empty string.
func appendOptional(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// AppendString writes a JSON string as JSON.stringify does: only what must be
// escaped is. What is not UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plain(s); i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscaped(dst, c)
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain returns how many bytes s begins with that stand in a JSON string as they
// are, in eights: ids, names and tokens are like that to the end, or nearly, and
// one by one a token takes four times as long.
func plain(s string) int {
	const (
		ones  = 0x0101010101010101 // a byte times this is eight of it
		highs = 0x80 * ones
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		// The lowest byte that is below a space, a quote or a backslash makes a
		// difference negative, so that its highest bit is set; what is not ASCII
		// has it set already. Where there is none of these, no difference borrows.
		if (w|(w-' '*ones)|((w^'"'*ones)-ones)|((w^'\\'*ones)-ones))&highs != 0 {
			break
		}
	}
	return i
}

// appendEscaped writes a byte that cannot stand in a JSON string as it is.
func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c >= utf8.RuneSelf:
		return append(dst, "\uFFFD"...)
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\b':
		return append(dst, `\b`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\f':
		return append(dst, `\f`...)
	case c == '\r':
		return append(dst, `\r`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
