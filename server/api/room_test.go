package api

import (
	"errors"
	"strings"
	"testing"

	"guestload/server/guest"
)

func TestRoomIDIsTheSameForBoth(t *testing.T) {
	if a, b := RoomID("guest_b", "guest_a"), RoomID("guest_a", "guest_b"); a != "guest_a_guest_b" || b != a {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestWishes(t *testing.T) {
	for _, c := range []struct {
		wishes guest.Preferences
		want   string
	}{
		{guest.Preferences{}, ``},
		{guest.Preferences{Gender: "female"}, `{"gender":"female"}`},
		{guest.Preferences{Language: "en", Gender: "x", Country: `"US"`}, `{"language":"en","gender":"x","country":"\"US\""}`},
	} {
		data := AppendWishes(nil, c.wishes)
		if string(data) != c.want || (data == nil) != (c.want == "") {
			t.Errorf("got %s, want %s", data, c.want)
		}
		if got, err := ParseWishes(data); err != nil || got != c.wishes {
			t.Errorf("%s: got %+v, %v", data, got, err)
		}
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
