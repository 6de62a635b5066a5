// Package auth issues and verifies guest tokens: JWT, HS256 and nothing else,
// with the claims that the contract's other backends write and expect.
package auth

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

// What every token says of its origin and its use.
const (
	TokenIssuer   = "realtime-chat-app"
	TokenAudience = "realtime-chat-users"
)

const (
	// DefaultLifetime is how long a token is good for.
	DefaultLifetime = 2 * time.Hour
	// RenewalGrace is how long after its end a token may still be renewed.
	RenewalGrace = 2 * time.Hour
	// DefaultCached is how many verified tokens are remembered, at about 1 KB each.
	DefaultCached = 20_000
	// MinSecret is the shortest secret taken, in bytes. RFC 7518 asks for 32; the
	// backends that share their secret with us are known to have shorter ones.
	MinSecret = 16
)

// maxToken bounds the work that a forged token can cause, in bytes; our own
// have about 400.
const maxToken = 4096

var (
	// ErrInvalid: not a token, not signed by us, or not meant for us.
	ErrInvalid = errors.New("invalid token")
	// ErrExpired: a token of ours whose time is over.
	ErrExpired = errors.New("token has expired")
	// ErrNotGuest: a token of ours that is not for a guest session.
	ErrNotGuest = errors.New("only guest sessions are supported")
)

// Claims are what a verified token says.
type Claims struct {
	UserID    string // guest.IDPrefix + SessionID
	SessionID string // passes guest.ValidSessionID
	Username  string // at the time of issue
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Options of an Issuer. The zero value has the defaults.
type Options struct {
	Lifetime time.Duration    // whole seconds; 0 is DefaultLifetime
	Cached   int              // verified tokens remembered; 0 is DefaultCached
	Now      func() time.Time // nil is time.Now
}

// Issuer issues tokens and verifies them. It is safe for concurrent use.
type Issuer struct {
	secret   []byte
	lifetime time.Duration
	now      func() time.Time
	parser   *jwt.Parser
	verified *cache
	signers  sync.Pool // of *signer
}

// NewIssuer returns the issuer for a secret of at least MinSecret bytes. An
// error says which argument is wrong, and never the secret.
func NewIssuer(secret []byte, o Options) (*Issuer, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("token secret has %d bytes, it needs at least %d, better 32 random ones", len(secret), MinSecret)
	}
	if o.Lifetime < 0 || o.Lifetime%time.Second != 0 {
		return nil, fmt.Errorf("token lifetime %s must be whole seconds above 0", o.Lifetime)
	}
	if o.Cached < 0 {
		return nil, fmt.Errorf("number of cached tokens %d must not be negative", o.Cached)
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Cached == 0 {
		o.Cached = DefaultCached
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	secret = append([]byte(nil), secret...)
	return &Issuer{
		secret:   secret,
		signers:  sync.Pool{New: func() any { return newSigner(secret) }},
		lifetime: o.Lifetime,
		now:      o.Now,
		// Strict decoding, lest one token have several spellings; the claims are
		// checked by payload.check, which knows about renewal.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(),
		),
		verified: newCache(o.Cached),
	}, nil
}

// Issue returns a token for the session, good from now for the lifetime. No two
// are equal, whenever they were issued: each has a random jti.
func (i *Issuer) Issue(s guest.Session) string {
	issued := time.Unix(i.now().Unix(), 0).UTC()
	claims := Claims{UserID: s.ID, SessionID: s.SessionID, Username: s.Username, IssuedAt: issued, ExpiresAt: issued.Add(i.lifetime)}
	signer := i.signers.Get().(*signer)
	token := signer.sign(&claims)
	i.signers.Put(signer)
	if claims.good() {
		i.verified.know(token, claims) // who has just got it connects next
	}
	return token
}

// Verify returns the claims of a token that is good now. Errors wrap ErrInvalid,
// ErrExpired or ErrNotGuest. A token seen before costs a look-up, and is not copied;
// none is retained.
func (i *Issuer) Verify(token []byte) (Claims, error) {
	claims, ok := i.verified.get(unsafe.String(unsafe.SliceData(token), len(token)))
	if !ok {
		return i.verify(string(token))
	}
	return i.current(claims)
}

// VerifyForRenewal is Verify, except that a token may have expired less than
// RenewalGrace ago.
func (i *Issuer) VerifyForRenewal(token string) (Claims, error) {
	return i.parse(token, RenewalGrace)
}

// current looks at the clock again: a cached token expires as any other.
func (i *Issuer) current(c Claims) (Claims, error) {
	if !i.now().Before(c.ExpiresAt) {
		return Claims{}, ErrExpired
	}
	return c, nil
}

func (i *Issuer) verify(token string) (Claims, error) {
	claims, err := i.parse(token, 0)
	if err == nil {
		i.verified.put(token, claims)
	}
	return claims, err
}

func (i *Issuer) parse(token string, grace time.Duration) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: %d bytes, more than %d", ErrInvalid, len(token), maxToken)
	}
	var p payload
	if _, err := i.parser.ParseWithClaims(token, &p, i.key); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return p.check(i.now(), grace)
}

func (i *Issuer) key(*jwt.Token) (any, error) { return i.secret, nil }
