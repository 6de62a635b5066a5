package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

// payload is a token's middle part.
type payload struct {
	UserID    string           `json:"userId"`
	SessionID string           `json:"sessionId"`
	Username  string           `json:"username"`
	IsGuest   bool             `json:"isGuest"`
	IssuedAt  *jwt.NumericDate `json:"iat,omitempty"`
	NotBefore *jwt.NumericDate `json:"nbf,omitempty"`
	ExpiresAt *jwt.NumericDate `json:"exp,omitempty"`
	Issuer    string           `json:"iss"`
	Audience  audience         `json:"aud"`
	ID        string           `json:"jti,omitempty"`
}

// check returns the claims where all rules hold at now; grace is how long ago
// the token may have expired. Expiry comes before the question whether it is a
// guest's, as in the contract's other backends, and after all that would make
// it somebody else's token.
func (p *payload) check(now time.Time, grace time.Duration) (Claims, error) {
	switch {
	case p.Issuer != TokenIssuer:
		return Claims{}, fmt.Errorf("%w: iss is %q, not %q", ErrInvalid, p.Issuer, TokenIssuer)
	case !slices.Contains(p.Audience, TokenAudience):
		return Claims{}, fmt.Errorf("%w: aud is %q, not %q", ErrInvalid, p.Audience, TokenAudience)
	case p.ExpiresAt == nil:
		return Claims{}, fmt.Errorf("%w: exp is missing", ErrInvalid)
	case p.NotBefore != nil && now.Before(p.NotBefore.Time):
		return Claims{}, fmt.Errorf("%w: not good before %s", ErrInvalid, guest.Timestamp(p.NotBefore.Time))
	case !now.Before(p.ExpiresAt.Add(grace)):
		return Claims{}, fmt.Errorf("%w: at %s", ErrExpired, guest.Timestamp(p.ExpiresAt.Time))
	case !p.IsGuest || p.SessionID == "":
		return Claims{}, ErrNotGuest
	case !guest.ValidSessionID(p.SessionID) || p.UserID != guest.IDPrefix+p.SessionID:
		return Claims{}, fmt.Errorf("%w: userId %q and sessionId %q are not one guest's", ErrInvalid, p.UserID, p.SessionID)
	}
	c := Claims{UserID: p.UserID, SessionID: p.SessionID, Username: p.Username, ExpiresAt: p.ExpiresAt.UTC()}
	if p.IssuedAt != nil {
		c.IssuedAt = p.IssuedAt.UTC()
	}
	return c, nil
}

// audience is one name, or a list of them; one is written without the list, as
// clients in JavaScript expect.
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(data []byte) error {
	var list jwt.ClaimStrings
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("aud: %w", err)
	}
	*a = audience(list)
	return nil
}

// The rest is jwt.Claims, so that the library carries a payload.

func (p payload) GetExpirationTime() (*jwt.NumericDate, error) { return p.ExpiresAt, nil }
func (p payload) GetIssuedAt() (*jwt.NumericDate, error)       { return p.IssuedAt, nil }
func (p payload) GetNotBefore() (*jwt.NumericDate, error)      { return p.NotBefore, nil }
func (p payload) GetIssuer() (string, error)                   { return p.Issuer, nil }
func (p payload) GetSubject() (string, error)                  { return "", nil }
func (p payload) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings(p.Audience), nil }
