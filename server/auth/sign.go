package auth

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

// header is what our tokens begin with: {"alg":"HS256","typ":"JWT"}.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// idAlphabet is base32's.
const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// idSize is how long a jti is: 65 random bits, 5 a character.
const idSize = 13

// signer writes tokens, one at a time, each as the library would make it of the
// same payload. The library's way to the text, by reflection, and a hash that it
// makes anew and gives the secret to for each token, would be most of what
// creating a session costs.
type signer struct {
	mac           hash.Hash     // the library's HS256, keyed
	random        *bufio.Reader // of the system, which is asked for many bytes at once
	id            [idSize]byte
	payload, text []byte // of the last token: room for the next
	signature     [sha256.Size]byte
}

func newSigner(secret []byte) *signer {
	return &signer{mac: hmac.New(jwt.SigningMethodHS256.Hash.New, secret), random: bufio.NewReaderSize(rand.Reader, 512)}
}

// sign returns a token with a jti that no other has.
func (s *signer) sign(c *Claims) string {
	_, _ = io.ReadFull(s.random, s.id[:]) // never fails: without randomness the process ends
	s.payload = c.appendPayload(s.payload[:0], s.id[:])
	s.text = base64.RawURLEncoding.AppendEncode(append(s.text[:0], header...), s.payload)
	s.mac.Reset()
	s.mac.Write(s.text)
	s.text = base64.RawURLEncoding.AppendEncode(append(s.text, '.'), s.mac.Sum(s.signature[:0]))
	return string(s.text)
}

// appendPayload appends a token's middle part, whose jti is made of random bytes;
// payload reads it.
func (c *Claims) appendPayload(dst, random []byte) []byte {
	dst = guest.AppendString(append(dst, `{"userId":`...), c.UserID)
	dst = guest.AppendString(append(dst, `,"sessionId":`...), c.SessionID)
	dst = guest.AppendString(append(dst, `,"username":`...), c.Username)
	dst = strconv.AppendInt(append(dst, `,"isGuest":true,"iat":`...), c.IssuedAt.Unix(), 10)
	dst = strconv.AppendInt(append(dst, `,"exp":`...), c.ExpiresAt.Unix(), 10)
	dst = append(dst, `,"iss":"`+TokenIssuer+`","aud":"`+TokenAudience+`","jti":"`...)
	for _, b := range random {
		dst = append(dst, idAlphabet[b%32])
	}
	return append(dst, `"}`...)
}

// good reports whether a token of these claims is one that would be verified,
// and comes back as it is.
func (c *Claims) good() bool {
	id, ours := strings.CutPrefix(c.UserID, guest.IDPrefix)
	return ours && id == c.SessionID && guest.ValidSessionID(id) && utf8.ValidString(c.Username)
}
