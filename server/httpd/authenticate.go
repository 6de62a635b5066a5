package httpd

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/auth"
	"guestload/server/guest"
	"guestload/server/realtime"
)

var errNoToken = errors.New("no token")

// bearer returns the request's token, as a view; empty where there is none.
func bearer(ctx *fasthttp.RequestCtx) []byte {
	const scheme = "bearer "
	value := ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return nil
	}
	return bytes.TrimSpace(value[len(scheme):])
}

// authenticate returns the session that a token speaks for. It does not keep the token.
func (s *Server) authenticate(token []byte) (guest.Session, error) {
	if len(token) == 0 {
		return guest.Session{}, errNoToken
	}
	claims, err := s.tokens.Verify(token)
	if err != nil {
		return guest.Session{}, err
	}
	session, err := s.node.Session(background(), claims.SessionID)
	if err == nil || s.adopt == nil || !errors.Is(err, guest.ErrUnavailable) {
		return session, err
	}
	known := guest.New(claims.SessionID, claims.Username, guest.Profile{}, claims.IssuedAt)
	if s.adopt(known) != nil {
		return session, err
	}
	return s.node.Session(background(), claims.SessionID)
}

// guarded calls h for those who have a session, which is active by this.
func (s *Server) guarded(h func(ctx *fasthttp.RequestCtx, me *guest.Session, param []byte)) handler {
	return func(ctx *fasthttp.RequestCtx, param []byte) {
		me, err := s.authenticate(bearer(ctx))
		if err != nil {
			s.unauthorized(ctx, err)
			return
		}
		s.node.Touch(background(), me)
		h(ctx, &me, param)
	}
}

// unauthorized answers those who have none, or of whom nothing can be known now.
func (s *Server) unauthorized(ctx *fasthttp.RequestCtx, err error) {
	if text, ok := stranger(err, api.TextTokenRequired); ok {
		fail(ctx, fasthttp.StatusUnauthorized, text)
		return
	}
	s.refuse(ctx, err, fasthttp.StatusUnauthorized)
}

// stranger returns the sentence for a token that does not let anybody in, and
// false where the fault is not the token's.
func stranger(err error, noToken string) (string, bool) {
	switch {
	case errors.Is(err, errNoToken):
		return noToken, true
	case errors.Is(err, auth.ErrExpired):
		return api.TextTokenExpired, true
	case errors.Is(err, auth.ErrNotGuest):
		return api.TextGuestsOnly, true
	case errors.Is(err, auth.ErrInvalid):
		return api.TextInvalidToken, true
	case errors.Is(err, guest.ErrNotFound):
		return api.TextSessionNotFound, true
	}
	return "", false
}

func isOutage(err error) bool {
	return errors.Is(err, guest.ErrUnavailable) || errors.Is(err, realtime.ErrDraining)
}
