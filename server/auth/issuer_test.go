package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/server/auth"
	"guestload/server/guest"

	"github.com/golang-jwt/jwt/v5"
)

const (
	secret    = "a secret for tests, 32 bytes long"
	sessionID = "550e8400-e29b-41d4-a716-446655440000"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is a time that a test moves, and that may be read meanwhile.
type clock struct {
	mu struct {
		sync.Mutex
		now time.Time
	}
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.now = t
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.now
}

func newIssuer(t testing.TB, o auth.Options) (*auth.Issuer, *clock) {
	t.Helper()
	c := new(clock)
	c.set(start)
	o.Now = c.Now
	issuer, err := auth.NewIssuer([]byte(secret), o)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, c
}

func issue(t testing.TB, issuer *auth.Issuer) string {
	t.Helper()
	return issuer.Issue(guest.New(sessionID, "Bob", guest.Profile{}, start))
}

func claims() jwt.MapClaims {
	return jwt.MapClaims{
		"userId": "guest_" + sessionID, "sessionId": sessionID, "username": "Bob", "isGuest": true,
		"iat": start.Unix(), "exp": start.Add(2 * time.Hour).Unix(),
		"iss": "realtime-chat-app", "aud": "realtime-chat-users",
	}
}

func sign(t testing.TB, method jwt.SigningMethod, key any, c jwt.Claims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensCarryTheContractsClaims(t *testing.T) {
	issuer, _ := newIssuer(t, auth.Options{})
	parts := strings.Split(issue(t, issuer), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	middle, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(middle, &got); err != nil {
		t.Fatal(err)
	}
	if id, _ := got["jti"].(string); len(id) < 10 {
		t.Errorf("jti %q", id)
	}
	delete(got, "jti")
	want := map[string]any{
		"userId": "guest_" + sessionID, "sessionId": sessionID, "username": "Bob", "isGuest": true,
		"iat": 1704067200.0, "exp": 1704074400.0, "iss": "realtime-chat-app", "aud": "realtime-chat-users",
	}
	if !maps.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

// The text of a token is our own; the library says what it must be.
func TestTokensAreWhatTheLibraryWouldSign(t *testing.T) {
	for _, name := range []string{"Bob", "", `a"\\b`, "Zoë 🙂", "line\nbreak"} {
		issuer, _ := newIssuer(t, auth.Options{})
		token := issuer.Issue(guest.New(sessionID, name, guest.Profile{}, start))
		var said jwt.MapClaims
		if _, err := jwt.ParseWithClaims(token, &said, func(*jwt.Token) (any, error) { return []byte(secret), nil },
			jwt.WithTimeFunc(func() time.Time { return start })); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		want := claims()
		want["username"], want["jti"] = name, said["jti"]
		if got := sign(t, jwt.SigningMethodHS256, []byte(secret), said); got != sign(t, jwt.SigningMethodHS256, []byte(secret), want) {
			t.Errorf("%q: token says %v, want %v", name, said, want)
		}
		if head, _, _ := strings.Cut(token, "."); head != strings.Split(sign(t, jwt.SigningMethodHS256, []byte(secret), want), ".")[0] {
			t.Errorf("header is %s", head)
		}
	}
}

// A token is known from its issue on. What is known must be what parsing says.
func TestAnIssuedTokenIsKnownAsItWouldBeRead(t *testing.T) {
	for _, s := range []guest.Session{
		guest.New(sessionID, "Bob", guest.Profile{}, start),
		guest.New(sessionID, "Zoë", guest.Profile{}, start),
		guest.New(sessionID, "bad \xff", guest.Profile{}, start),
		guest.New("no id", "Bob", guest.Profile{}, start),
	} {
		issuer, c := newIssuer(t, auth.Options{})
		c.set(start.Add(123 * time.Millisecond))
		token := issuer.Issue(s)
		known, err := issuer.Verify([]byte(token))
		read, readErr := issuer.VerifyForRenewal(token) // never answered from memory
		if known != read || (err == nil) != (readErr == nil) {
			t.Errorf("%q: known as %+v (%v), reads %+v (%v)", s.Username, known, err, read, readErr)
		}
	}
}

// So is a token that others made, however they write its times.
func TestAReadTokenIsKnownAsItWasRead(t *testing.T) {
	for name, times := range map[string]jwt.MapClaims{
		"whole seconds": {},
		"fractions":     {"iat": 1704067200.75, "exp": 1704074400.25},
		"before 1970":   {"iat": -1.5},
		"no iat":        {"iat": nil},
		"far away":      {"exp": 253402300800},
	} {
		issuer, _ := newIssuer(t, auth.Options{})
		c := claims()
		maps.Copy(c, times)
		token := sign(t, jwt.SigningMethodHS256, []byte(secret), c)
		read, err := issuer.Verify([]byte(token))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if known, err := issuer.Verify([]byte(token)); err != nil || known != read {
			t.Errorf("%s: known as %+v (%v), reads %+v", name, known, err, read)
		}
	}
}

func TestNoTwoTokensAreEqual(t *testing.T) {
	issuer, _ := newIssuer(t, auth.Options{})
	seen := map[string]bool{}
	for range 1000 { // a renewal must not give the same token, though it is the same second
		token := issue(t, issuer)
		if seen[token] {
			t.Fatalf("token %d was issued before: %s", len(seen), token)
		}
		seen[token] = true
	}
}

func TestIssuedTokensAreVerifiedUntilTheyExpire(t *testing.T) {
	issuer, clock := newIssuer(t, auth.Options{Lifetime: time.Minute})
	token := issue(t, issuer)
	want := auth.Claims{
		UserID: "guest_" + sessionID, SessionID: sessionID, Username: "Bob",
		IssuedAt: start, ExpiresAt: start.Add(time.Minute),
	}
	for _, step := range []struct {
		after   time.Duration
		verify  error
		renewal error
	}{
		{0, nil, nil},
		{time.Minute - 1, nil, nil}, // from the cache
		{time.Minute, auth.ErrExpired, nil},
		{time.Minute + auth.RenewalGrace - 1, auth.ErrExpired, nil},
		{time.Minute + auth.RenewalGrace, auth.ErrExpired, auth.ErrExpired},
	} {
		clock.set(start.Add(step.after))
		for name, c := range map[string]struct {
			verify func() (auth.Claims, error)
			want   error
		}{
			"verify":  {func() (auth.Claims, error) { return issuer.Verify([]byte(token)) }, step.verify},
			"renewal": {func() (auth.Claims, error) { return issuer.VerifyForRenewal(token) }, step.renewal},
		} {
			got, err := c.verify()
			if !errors.Is(err, c.want) || c.want == nil && got != want || c.want != nil && got != (auth.Claims{}) {
				t.Errorf("%s after %s: got %+v, %v; want %v", name, step.after, got, err, c.want)
			}
		}
	}
	// A token that expired before anybody saw it is no different.
	fresh, _ := newIssuer(t, auth.Options{})
	clock.set(start)
	old := sign(t, jwt.SigningMethodHS256, []byte(secret), expiring(start.Add(-time.Second)))
	if _, err := fresh.Verify([]byte(old)); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("got %v", err)
	}
	if _, err := fresh.VerifyForRenewal(old); err != nil {
		t.Errorf("got %v", err)
	}
}

func expiring(at time.Time) jwt.MapClaims {
	c := claims()
	c["exp"] = at.Unix()
	return c
}

func TestTokensThatAreNotOursAreRefused(t *testing.T) {
	issuer, _ := newIssuer(t, auth.Options{})
	with := func(name string, value any) string {
		c := claims()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return sign(t, jwt.SigningMethodHS256, []byte(secret), c)
	}
	good := with("aud", []string{"others", auth.TokenAudience})
	if _, err := issuer.Verify([]byte(good)); err != nil {
		t.Fatalf("a list of audiences: %v", err)
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":              {"", auth.ErrInvalid},
		"words":              {"not a token", auth.ErrInvalid},
		"dots":               {"..", auth.ErrInvalid},
		"huge":               {good + strings.Repeat("A", 5000), auth.ErrInvalid},
		"alg none":           {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()), auth.ErrInvalid},
		"alg HS512":          {sign(t, jwt.SigningMethodHS512, []byte(secret), claims()), auth.ErrInvalid},
		"another secret":     {sign(t, jwt.SigningMethodHS256, []byte(secret+"!"), claims()), auth.ErrInvalid},
		"signature cut":      {good[:len(good)-1], auth.ErrInvalid},
		"signature absent":   {good[:strings.LastIndexByte(good, '.')+1], auth.ErrInvalid},
		"another spelling":   {respelled(good), auth.ErrInvalid},
		"iss":                {with("iss", "else"), auth.ErrInvalid},
		"no iss":             {with("iss", nil), auth.ErrInvalid},
		"aud":                {with("aud", "else"), auth.ErrInvalid},
		"no aud":             {with("aud", nil), auth.ErrInvalid},
		"aud a number":       {with("aud", 7), auth.ErrInvalid},
		"no exp":             {with("exp", nil), auth.ErrInvalid},
		"exp a word":         {with("exp", "soon"), auth.ErrInvalid},
		"nbf":                {with("nbf", start.Add(time.Second).Unix()), auth.ErrInvalid},
		"expired, else's":    {sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"exp": 1, "iss": "else"}), auth.ErrInvalid},
		"not a guest":        {with("isGuest", false), auth.ErrNotGuest},
		"no isGuest":         {with("isGuest", nil), auth.ErrNotGuest},
		"no session":         {with("sessionId", nil), auth.ErrNotGuest},
		"session not a UUID": {with("sessionId", "*"), auth.ErrInvalid},
		"another's session":  {with("userId", "guest_650e8400-e29b-41d4-a716-446655440000"), auth.ErrInvalid},
		"isGuest a word":     {with("isGuest", "true"), auth.ErrInvalid},
	} {
		for range 2 { // a refusal is not remembered as something else
			if got, err := issuer.Verify([]byte(c.token)); !errors.Is(err, c.want) || got != (auth.Claims{}) {
				t.Errorf("%s: got %+v, %v; want %v", name, got, err, c.want)
			}
		}
		if _, err := issuer.VerifyForRenewal(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s for renewal: got %v; want %v", name, err, c.want)
		}
	}
}

// respelled changes bits of the last character that decoding drops.
func respelled(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func TestACachedTokenIsKnownByAllOfIt(t *testing.T) {
	issuer, _ := newIssuer(t, auth.Options{})
	token := issue(t, issuer)
	if _, err := issuer.Verify([]byte(token)); err != nil {
		t.Fatal(err)
	}
	for i := range token {
		forged := []byte(token)
		if forged[i]++; forged[i] == token[i] {
			continue
		}
		if _, err := issuer.Verify(forged); err == nil {
			t.Fatalf("byte %d of %d does not count", i, len(token))
		}
	}
}

func TestVerifyDoesNotRetainTheBuffer(t *testing.T) {
	issuer, _ := newIssuer(t, auth.Options{})
	token := issue(t, issuer)
	buffer := []byte(token)
	if _, err := issuer.Verify(buffer); err != nil {
		t.Fatal(err)
	}
	clear(buffer)
	if got, err := issuer.Verify([]byte(token)); err != nil || got.Username != "Bob" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestIssuersArgumentsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		secret  string
		options auth.Options
		want    string
	}{
		"secret":   {secret[:15], auth.Options{}, "token secret has 15 bytes, it needs at least 16"},
		"lifetime": {secret, auth.Options{Lifetime: -time.Second}, "token lifetime -1s must be whole seconds above 0"},
		"fraction": {secret, auth.Options{Lifetime: 1500 * time.Millisecond}, "token lifetime 1.5s"},
		"cached":   {secret, auth.Options{Cached: -1}, "cached tokens -1"},
	} {
		if _, err := auth.NewIssuer([]byte(c.secret), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestIssuerIsSafeForConcurrentUse(t *testing.T) {
	issuer, clock := newIssuer(t, auth.Options{Cached: 8})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 100 {
				name := fmt.Sprint("Bob", n)
				token := issuer.Issue(guest.New(sessionID, name, guest.Profile{}, start))
				for range 3 {
					if got, err := issuer.Verify([]byte(token)); err != nil || got.Username != name {
						t.Errorf("%s's token is %q's: %v", name, got.Username, err)
					}
				}
				if got, err := issuer.VerifyForRenewal(token); err != nil || got.Username != name { // never answered from memory
					t.Errorf("%s's token reads as %q's: %v", name, got.Username, err)
				}
				clock.set(start.Add(time.Duration(n) * time.Second))
			}
		})
	}
	wg.Wait()
}
