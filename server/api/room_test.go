package api

import (
	"errors"
	"strings"
	"testing"

	"guestload/server/guest"
)

func TestWishes(t *testing.T) {
	for data, want := range map[string]guest.Preferences{
		`{}`: {}, `null`: {}, `{"gender":"female"}`: {Gender: "female"},
		`{"language":"en","gender":"x","country":"\"US\""}`: {Language: "en", Gender: "x", Country: `"US"`},
	} {
		if got, err := ParseWishes(mustParse(t, data)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", data, got, err)
		}
	}
	if got, err := ParseWishes(nil); err != nil || got != (guest.Preferences{}) {
		t.Errorf("nothing: got %+v, %v", got, err)
	}
	if got, err := ParseWishes(mustParse(t, `{"language":null,"gender":" ","country":" FR ","more":1}`)); err != nil || got != (guest.Preferences{Country: "FR"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, data := range []string{`[]`, `"en"`, `1`, `{"language":1}`, `{"gender":{}}`, `{"country":"` + strings.Repeat("x", 51) + `"}`} {
		_, err := ParseWishes(mustParse(t, data))
		if _, ok := errors.AsType[guest.ValidationError](err); !ok || !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
