package target

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"guestload/scenarios"
)

// What an odd backend answers is no reason to refuse it.
func TestOddBackendsPassThePreflight(t *testing.T) {
	odd := func(get, post func(w http.ResponseWriter)) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				post(w)
			} else {
				get(w)
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	say := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); io.WriteString(w, body) }
	}
	for name, url := range map[string]string{
		"no /api/guest/me, errors as pages":    odd(say(404, "Cannot GET /api/guest/me"), say(400, "SyntaxError: Unexpected end of JSON input")),
		"no /api/guest/me, a page for all":     odd(say(200, "<html>app</html>"), say(400, "Bad Request")),
		"errors of parsing are 500":            odd(say(404, "Cannot GET"), say(500, `{"success":false,"message":"Unexpected end of JSON input"}`)),
		"no success in its errors":             odd(say(401, `{"message":"No token"}`), say(404, "never asked")),
		"creates guests of whatever is posted": odd(say(404, "Cannot GET"), say(201, `{"success":true,"data":{}}`)),
		"the contract's refusal":               odd(say(401, `{"success":false,"message":"Access token is required"}`), say(500, "never asked")),
	} {
		c := Config{URL: url, Conns: 4}
		tt := newTarget(c, scenarios.Scenario{}, []string{url})
		if err := tt.reach(t.Context(), c, scenarios.Scenario{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		tt.Close(t.Context())
	}
}
