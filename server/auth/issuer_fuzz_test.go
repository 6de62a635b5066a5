package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"guestload/server/auth"
	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

func FuzzVerify(f *testing.F) {
	issuer, _ := newIssuer(f, auth.Options{})
	f.Add(issue(f, issuer))
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		got, err := issuer.Verify([]byte(token))
		if err == nil {
			// Only the seeds were ever signed, and all are of one guest.
			if got.SessionID != sessionID {
				t.Fatalf("let in: %+v", got)
			}
			return
		}
		if !errors.Is(err, auth.ErrInvalid) && !errors.Is(err, auth.ErrExpired) && !errors.Is(err, auth.ErrNotGuest) {
			t.Fatalf("an error of no kind: %v", err)
		}
	})
}

// FuzzClaims signs whatever it is given: the checks behind the signature.
func FuzzClaims(f *testing.F) {
	issuer, _ := newIssuer(f, auth.Options{})
	seed, err := json.Marshal(claims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"exp":1e300,"aud":[],"iat":-1}`))
	f.Fuzz(func(t *testing.T, middle []byte) {
		encode := base64.RawURLEncoding.EncodeToString
		text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(middle)
		signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		got, err := issuer.Verify([]byte(text + "." + encode(signature)))
		if err == nil && (!guest.ValidSessionID(got.SessionID) || got.UserID != guest.IDPrefix+got.SessionID || !got.ExpiresAt.After(start)) {
			t.Fatalf("let in: %+v", got)
		}
	})
}
