package httpd

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/guest"
)

// create is POST /api/guest.
func (s *Server) create(ctx *fasthttp.RequestCtx, _ []byte) {
	body, ok := jsonBody(ctx)
	if !ok {
		return
	}
	profile, err := guest.ParseProfile(body)
	if err != nil {
		s.invalid(ctx, body, err)
		return
	}
	if rule := s.counters.creations.Rule(); !rule.Unlimited() &&
		!s.allow(ctx, rule, s.counters.creations.Take(s.client(ctx), s.now())) {
		return
	}
	session, err := s.node.Create(background(), profile)
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusInternalServerError)
		return
	}
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusCreated, api.TextCreated, api.AppendCreated(room[:0], s.tokens.Issue(session), &session))
}

// username is GET /api/guest/username.
func (s *Server) username(ctx *fasthttp.RequestCtx, _ []byte) {
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendUsername(room[:0], s.node.GenerateName()))
}

// me is GET /api/guest/me.
func (s *Server) me(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendMe(room[:0], me))
}

// fetch is GET /api/guest/{sessionId}.
func (s *Server) fetch(ctx *fasthttp.RequestCtx, param []byte) {
	id := string(param)
	if !guest.ValidSessionID(id) {
		s.refuse(ctx, guest.ErrNotFound, fasthttp.StatusNotFound)
		return
	}
	session, err := s.node.Session(background(), id)
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusNotFound)
		return
	}
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendGuest(room[:0], &session, s.viewer(ctx, &session)))
}

// viewer tells whose token the request has, if any. The route needs none: a token that
// is no good is a stranger's.
func (s *Server) viewer(ctx *fasthttp.RequestCtx, of *guest.Session) api.Viewer {
	token := bearer(ctx)
	if len(token) == 0 {
		return api.Stranger
	}
	claims, err := s.tokens.Verify(token)
	if err == nil && (claims.SessionID == of.SessionID || of.ConnectedUser == guest.IDPrefix+claims.SessionID) {
		return api.Confidant
	}
	return api.Stranger
}

// locate is POST /api/guest/location.
func (s *Server) locate(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	body, ok := jsonBody(ctx)
	if !ok {
		return
	}
	profile, err := guest.ParseProfileUpdate(body)
	if err != nil {
		s.invalid(ctx, body, err)
		return
	}
	session, err := s.node.Update(background(), me.SessionID, profile.Patch(s.now()))
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusUnauthorized)
		return
	}
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, api.TextLocationUpdated, api.AppendWhereabouts(room[:0], &session))
}

// device is POST /api/users/device.
func (s *Server) device(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	body, ok := jsonBody(ctx)
	if !ok {
		return
	}
	device, err := guest.ParseDevice(body)
	if err != nil {
		s.invalid(ctx, body, err)
		return
	}
	session, err := s.node.Update(background(), me.SessionID, device.Patch(s.now()))
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusUnauthorized)
		return
	}
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, api.TextDeviceUpdated, api.AppendDevice(room[:0], &session))
}

// remove is DELETE /api/guest.
func (s *Server) remove(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	if err := s.node.Delete(background(), me.SessionID); err != nil {
		s.refuse(ctx, err, fasthttp.StatusUnauthorized)
		return
	}
	succeed(ctx, fasthttp.StatusOK, api.TextDeleted, nil)
}

// renew is POST /api/guest/token. The address is counted before the signature
// is looked at, the session once it is known.
func (s *Server) renew(ctx *fasthttp.RequestCtx, _ []byte) {
	token := bearer(ctx)
	if len(token) == 0 {
		s.unauthorized(ctx, errNoToken)
		return
	}
	if rule := s.counters.addressRenewals.Rule(); !rule.Unlimited() &&
		!s.allow(ctx, rule, s.counters.addressRenewals.Take(s.client(ctx), s.now())) {
		return
	}
	claims, err := s.tokens.VerifyForRenewal(string(token))
	if err != nil {
		s.unauthorized(ctx, err)
		return
	}
	if rule := s.counters.sessionRenewals.Rule(); !rule.Unlimited() &&
		!s.allow(ctx, rule, s.counters.sessionRenewals.Take(claims.SessionID, s.now())) {
		return
	}
	session, err := s.node.Session(background(), claims.SessionID)
	if err != nil {
		s.unauthorized(ctx, err)
		return
	}
	s.node.Touch(background(), session)
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendToken(room[:0], s.tokens.Issue(session)))
}

// jsonBody returns the request's body, which may be empty, or answers that it is not
// JSON. What it returns is UTF-8, also once its escapes are read.
func jsonBody(ctx *fasthttp.RequestCtx) ([]byte, bool) {
	body := ctx.PostBody()
	if len(body) == 0 {
		return nil, true
	}
	kind, _, _ := bytes.Cut(ctx.Request.Header.ContentType(), []byte(";"))
	encoding := ctx.Request.Header.Peek(fasthttp.HeaderContentEncoding)
	if !bytes.EqualFold(bytes.TrimSpace(kind), []byte(api.ContentType)) || len(encoding) > 0 && string(encoding) != "identity" {
		fail(ctx, fasthttp.StatusUnsupportedMediaType, api.TextNotJSON)
		return nil, false
	}
	// What UTF-8 cannot say would come back as something else.
	if !utf8.Valid(body) || api.HasLoneSurrogate(body) {
		fail(ctx, fasthttp.StatusBadRequest, api.TextMalformedJSON)
		return nil, false
	}
	return body, true
}

// invalid answers for a body that guest refused.
func (s *Server) invalid(ctx *fasthttp.RequestCtx, body []byte, err error) {
	if errors.Is(err, guest.ErrMalformed) {
		if _, fault := api.ParseJSON(body); fault == nil {
			fail(ctx, fasthttp.StatusBadRequest, api.TextBodyNotObject)
			return
		}
	}
	s.refuse(ctx, err, fasthttp.StatusInternalServerError)
}
