package session

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Cookies are what a target has set for one guest, such as a balancer that keeps
// the guest at one instance. The zero value is empty, and costs one pointer.
type Cookies struct{ all *[]http.Cookie }

// maxCookies bounds how many a guest keeps, as browsers do.
const maxCookies = 50

// Set takes values of Set-Cookie headers. A target is one host, so domains do not
// matter; a cookie that cannot be read is ignored, as by browsers.
func (c *Cookies) Set(headers []string) {
	for _, header := range headers {
		cookie, err := http.ParseSetCookie(header)
		if err != nil {
			continue
		}
		if c.all == nil {
			c.all = new([]http.Cookie)
		}
		*c.all = slices.DeleteFunc(*c.all, func(k http.Cookie) bool { return k.Name == cookie.Name && k.Path == cookie.Path })
		gone := cookie.MaxAge < 0 || cookie.MaxAge == 0 && !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now())
		if !gone && len(*c.all) < maxCookies {
			*c.all = append(*c.all, http.Cookie{Name: cookie.Name, Value: cookie.Value, Path: cookie.Path, Quoted: cookie.Quoted})
		}
	}
}

// Clone returns a copy, which changes apart. That of nil is empty.
func (c *Cookies) Clone() Cookies {
	if c.Empty() {
		return Cookies{}
	}
	all := slices.Clone(*c.all)
	return Cookies{&all}
}

// Empty reports that there are none. A nil *Cookies is empty.
func (c *Cookies) Empty() bool { return c == nil || c.all == nil || len(*c.all) == 0 }

// Append adds those for a path to b, as the value of a Cookie header has them;
// more says that b has some already.
func (c *Cookies) Append(b []byte, path string, more bool) []byte {
	if c.Empty() {
		return b
	}
	for _, cookie := range *c.all {
		if !within(path, cookie.Path) {
			continue
		}
		if more {
			b = append(b, "; "...)
		}
		more = true
		b = append(append(append(b, cookie.Name...), '='), cookie.Value...)
	}
	return b
}

// within reports whether a cookie of one path goes with requests of another
// (RFC 6265, section 5.1.4).
func within(path, of string) bool {
	if of == "" || of[0] != '/' {
		return true
	}
	rest, ok := strings.CutPrefix(path, of)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?' || strings.HasSuffix(of, "/"))
}
