package verify

import (
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"time"
)

// Header is at the beginning of every message of a run. From it the receiver, in whichever
// process, knows how long the message took and whether it is complete, without asking the
// sender.
type Header struct {
	Guest    int           // the sender's arrival index
	Chat     int           // counts the sender's searches; one chat is one number
	Seq      int           // counts the sender's messages in this chat, from 1
	K, N     int           // the K-th, from 1, of N messages that the sender means to send: its own count
	Intended time.Duration // when the message was due, since the run's start; whole microseconds
	Tag      uint16        // 12 bits of a hash of the recipient's id
}

// ErrHeader is returned for a text without a header, or with another checksum than its own.
var ErrHeader = errors.New("the text has no intact header")

// A header is ASCII that JSON need not escape, 19 to 21 bytes for a run of
// minutes with thousands of guests:
//
//	~ checksum(4) tag(2) guest chat seq k n intended(µs)
//
// The numbers after the tag have as many digits as they need, least first, five
// bits and a continuation bit in each. The checksum is 24 bits of the CRC-32C of
// everything after it, the text that follows included.
const (
	sentinel = '~'
	digits   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	sumAt    = 1
	tagAt    = 5
	fieldsAt = 7
)

// values are the values of digits, 255 for other bytes.
var values = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range len(digits) {
		t[digits[i]] = byte(i)
	}
	return t
}()

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// filler is what composed texts are cut from: ASCII that JSON need not escape.
const filler = "so what do you do when it rains all day and nobody is online i usually make tea " +
	"and look at maps of places where i will never go did you ever see the sea in winter it is " +
	"loud and grey and quite wonderful my grandmother kept bees and said that they know who is " +
	"kind where are you from i would guess somewhere warm do you like old films or rather music "

// appendHeader appends m with an empty checksum, to be sealed once the text stands
// behind it.
func appendHeader(dst []byte, m Header) []byte {
	dst = append(dst, sentinel, 0, 0, 0, 0, digits[m.Tag&63], digits[m.Tag>>6&63])
	dst = appendNumber(dst, uint64(m.Guest))
	dst = appendNumber(dst, uint64(m.Chat))
	dst = appendNumber(dst, uint64(m.Seq))
	dst = appendNumber(dst, uint64(m.K))
	dst = appendNumber(dst, uint64(m.N))
	return appendNumber(dst, uint64(m.Intended/time.Microsecond))
}

func appendNumber(dst []byte, n uint64) []byte {
	for n >= 32 {
		dst = append(dst, digits[n&31|32])
		n >>= 5
	}
	return append(dst, digits[n])
}

// seal writes the checksum into text, which begins with an unsealed header.
func seal(text []byte) {
	sum := checksum(text[tagAt:])
	for i := range 4 {
		text[sumAt+i] = digits[sum>>(6*i)&63]
	}
}

func checksum(b []byte) uint32 { return crc32.Update(0, castagnoli, b) & (1<<24 - 1) }

// ReadHeader returns the header of a message's text, or ErrHeader if it has none or the
// checksum differs.
func ReadHeader(text []byte) (Header, error) {
	if len(text) < fieldsAt+6 || text[0] != sentinel {
		return Header{}, ErrHeader
	}
	var sum uint32
	for i := range 4 {
		sum |= uint32(values[text[sumAt+i]]) << (6 * i)
	}
	if sum != checksum(text[tagAt:]) {
		return Header{}, ErrHeader
	}
	var fields [6]uint64
	at := fieldsAt
	for i := range fields {
		n, next := number(text, at)
		if next == 0 {
			return Header{}, ErrHeader
		}
		fields[i], at = n, next
	}
	return Header{
		Guest: int(fields[0]), Chat: int(fields[1]), Seq: int(fields[2]), K: int(fields[3]), N: int(fields[4]),
		Intended: time.Duration(fields[5]) * time.Microsecond,
		Tag:      uint16(values[text[tagAt]]&63) | uint16(values[text[tagAt+1]]&63)<<6,
	}, nil
}

// number reads the number at text[at:] and returns where the next one begins, 0 if there is
// no number of at most 50 bits.
func number(text []byte, at int) (n uint64, next int) {
	for shift := 0; at < len(text) && shift < 50; shift += 5 {
		d := values[text[at]]
		if d > 63 {
			return 0, 0
		}
		n |= uint64(d&31) << shift
		at++
		if d < 32 {
			return n, at
		}
	}
	return 0, 0
}

// tagOf returns the tag of a guest's id, the same in every process.
func tagOf[T string | []byte](id T) uint16 {
	h := uint32(2166136261) // FNV-1a
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return uint16((h ^ h>>12 ^ h>>24) & 0xfff)
}

// Compose appends the text of the guest's next message to dst: the k-th, from 1, of n that
// it means to send, due at intended, length UTF-16 units long, or as long as its header if
// that is longer (at most 40). r chooses the words. The text is ASCII that JSON need not
// escape, without spaces at the ends.
func (w *Witness) Compose(dst []byte, intended time.Duration, k, n, length int, r *rand.Rand) []byte {
	from := len(dst)
	dst = appendHeader(dst, w.header(intended, k, n))
	if rest := length - (len(dst) - from); rest > 0 {
		dst = append(dst, ' ')
		for rest--; rest > 0; {
			at := r.IntN(len(filler))
			piece := filler[at:min(at+rest, len(filler))]
			dst, rest = append(dst, piece...), rest-len(piece)
		}
		dst[len(dst)-1] = '.' // some backends trim
	}
	seal(dst[from:])
	return dst
}

// ComposeText appends a header and the given text. If text has to be escaped in JSON, escape
// the result.
func (w *Witness) ComposeText(dst []byte, intended time.Duration, k, n int, text string) []byte {
	from := len(dst)
	dst = appendHeader(dst, w.header(intended, k, n))
	if text != "" {
		dst = append(append(dst, ' '), text...)
	}
	seal(dst[from:])
	return dst
}

func (w *Witness) header(intended time.Duration, k, n int) Header {
	m := Header{Guest: w.guest, K: k, N: n, Intended: intended}
	if w.chat != nil {
		m.Chat, m.Seq, m.Tag = int(w.chat.serial), w.chat.sent+1, w.chat.tag
	}
	return m
}
