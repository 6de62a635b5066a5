package httpd

import (
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/guest"
)

// scratch is room on the stack for the data of an answer; longer ones move to the heap.
const scratch = 1024

// succeed answers with the envelope of success. data is JSON, or nil.
func succeed(ctx *fasthttp.RequestCtx, status int, message string, data []byte) {
	ctx.SetStatusCode(status)
	body := ctx.Response.SwapBody(nil)
	ctx.Response.SwapBody(api.AppendSuccess(body[:0], message, data))
}

// fail answers with the envelope of failure.
func fail(ctx *fasthttp.RequestCtx, status int, message string) {
	failWith(ctx, status, message, nil)
}

func failWith(ctx *fasthttp.RequestCtx, status int, message string, fields []guest.FieldError) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType(api.ContentType)
	body := ctx.Response.SwapBody(nil)
	ctx.Response.SwapBody(api.AppendFailure(body[:0], message, fields))
}

// unavailable answers that the fault is here and passes, so that nobody throws
// an identity away because of it.
func unavailable(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
	fail(ctx, fasthttp.StatusServiceUnavailable, api.TextUnavailable)
}

// refuse answers for an error of the domain. notFound is the status of a
// session that is not there: 404 where it was asked for, 401 where it is the asker's own.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, err error, notFound int) {
	switch status, message := explain(err, notFound); status {
	case fasthttp.StatusServiceUnavailable:
		unavailable(ctx)
	case fasthttp.StatusInternalServerError:
		s.log.Error("request failed", "path", string(ctx.Path()), "error", err)
		fail(ctx, status, message)
	default:
		var invalid guest.ValidationError
		errors.As(err, &invalid)
		failWith(ctx, status, message, invalid)
	}
}

// explain translates an error of the domain.
func explain(err error, notFound int) (status int, message string) {
	var invalid guest.ValidationError
	switch {
	case errors.Is(err, guest.ErrNotFound), errors.Is(err, guest.ErrCorrupt) && notFound == fasthttp.StatusNotFound: // no guest; but nobody is to throw an identity away for it
		return notFound, api.TextSessionNotFound
	case isOutage(err):
		return fasthttp.StatusServiceUnavailable, api.TextUnavailable
	case errors.As(err, &invalid):
		return fasthttp.StatusBadRequest, api.TextValidationFailed
	case errors.Is(err, guest.ErrMalformed):
		return fasthttp.StatusBadRequest, api.TextMalformedJSON
	}
	return fasthttp.StatusInternalServerError, api.TextInternal
}

// garbled answers what never became a request: fasthttp hands such errors here.
func (s *Server) garbled(ctx *fasthttp.RequestCtx, err error) {
	s.secure(ctx)
	var (
		tooLong *fasthttp.ErrSmallBuffer
		timeout net.Error
	)
	switch {
	case errors.As(err, &tooLong):
		fail(ctx, fasthttp.StatusRequestHeaderFieldsTooLarge, textHeaderTooLarge)
		sayLast(ctx)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		fail(ctx, fasthttp.StatusRequestEntityTooLarge, api.TextBodyTooLarge)
		sayLast(ctx)
	case errors.As(err, &timeout) && timeout.Timeout():
		fail(ctx, fasthttp.StatusRequestTimeout, textRequestTimeout)
	default:
		status, text := explainHead(err)
		fail(ctx, status, text)
	}
	s.metrics.request(routeNone, ctx.Response.StatusCode())
}

// Sentences for faults that the contract does not name.
const (
	textHeaderTooLarge  = "Request header too large"
	textRequestTimeout  = "Request timed out"
	textBadRequest      = "Bad request"
	textOriginForbidden = "Origin is not allowed"
	textUpgradeNeeded   = "This endpoint speaks WebSocket only"
	textTooManySockets  = "Too many connections, please try again later."
)
