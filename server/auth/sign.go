package auth

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

// header is what our tokens begin with: {"alg":"HS256","typ":"JWT"}.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// sign writes the token that the library would make of the same payload. The
// library signs; its way to the text, by reflection, is most of what creating a
// session costs otherwise.
func (i *Issuer) sign(c Claims, id string) (string, error) {
	var payloadRoom, tokenRoom [512]byte
	text := base64.RawURLEncoding.AppendEncode(append(tokenRoom[:0], header...), c.appendPayload(payloadRoom[:0], id))
	signature, err := jwt.SigningMethodHS256.Sign(string(text), i.secret)
	if err != nil {
		return "", err
	}
	text = append(text, '.')
	return string(base64.RawURLEncoding.AppendEncode(text, signature)), nil
}

// appendPayload appends a token's middle part; payload reads it.
func (c *Claims) appendPayload(dst []byte, id string) []byte {
	dst = guest.AppendString(append(dst, `{"userId":`...), c.UserID)
	dst = guest.AppendString(append(dst, `,"sessionId":`...), c.SessionID)
	dst = guest.AppendString(append(dst, `,"username":`...), c.Username)
	dst = strconv.AppendInt(append(dst, `,"isGuest":true,"iat":`...), c.IssuedAt.Unix(), 10)
	dst = strconv.AppendInt(append(dst, `,"exp":`...), c.ExpiresAt.Unix(), 10)
	dst = append(dst, `,"iss":"`+TokenIssuer+`","aud":"`+TokenAudience+`","jti":`...)
	return append(guest.AppendString(dst, id), '}')
}

// good reports whether a token of these claims is one that would be verified,
// and comes back as it is.
func (c *Claims) good() bool {
	id, ours := strings.CutPrefix(c.UserID, guest.IDPrefix)
	return ours && id == c.SessionID && guest.ValidSessionID(id) && utf8.ValidString(c.Username)
}
