package sessions

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// testCompareAndSet changes a document that this program knows, and that others change too.
func testCompareAndSet(t *testing.T, r rig) {
	i := r.start(t)
	g := i.create(t)
	key := redis.SessionKey(g.SessionID)
	patch := func(p guest.Patch) (stands string) {
		t.Helper()
		p.Apply(&g)
		switch got, err := i.sessions.Patch(t.Context(), g.SessionID, p); {
		case err != nil:
			t.Fatal(err)
		case string(got.AppendJSON(nil)) != string(g.AppendJSON(nil)):
			t.Errorf("Patch = %+v, want %+v", got, g)
		}
		return fmt.Sprint(r.Do(t, "GET", key))
	}
	known := func() string { return i.sessions.lastWritten.known[g.SessionID] }
	online := guest.Patch{Fields: guest.FieldIsOnline | guest.FieldSocketID, To: guest.Session{IsOnline: true, SocketID: "s"}}
	if stands := patch(online); known() == "" || known() != stands {
		t.Errorf("known is %q, and Redis has %q", known(), stands)
	}
	r.Do(t, "EXPIRE", key, "100")
	if stands := patch(guest.Patch{}); known() != stands || r.Do(t, "TTL", key).(int64) < 7100 {
		t.Errorf("known is %q, Redis has %q for %v s", known(), stands, r.Do(t, "TTL", key))
	}
	foreign := strings.TrimSuffix(known(), "}") + `,"theirs":1}`
	r.Do(t, "SET", key, foreign)
	chat := guest.Patch{Fields: guest.FieldInChat, To: guest.Session{InChat: true}}
	if stands := patch(chat); stands != strings.Replace(foreign, `"inChat":false`, `"inChat":true`, 1) || known() != "" {
		t.Errorf("Redis has %q, and %q is known of it", stands, known())
	}
	r.Do(t, "SET", key, string(g.AppendJSON(nil)))
	chat.To.InChat = false
	if stands := patch(chat); known() != stands {
		t.Errorf("known is %q, and Redis has %q", known(), stands)
	}
	r.Do(t, "DEL", key)
	if _, err := i.sessions.Patch(t.Context(), g.SessionID, chat); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Patch of what is gone = %v, want ErrNotFound", err)
	}
	g = i.create(t)
	if patch(guest.Patch{}); known() != "" {
		t.Error("the document of a guest who has not come is still known")
	}
}

func TestLastWrittenIsBounded(t *testing.T) {
	var d lastWritten
	for n := range maxLastWritten + 10 {
		d.keep(fmt.Sprint(n), "{}")
	}
	if len(d.known) != maxLastWritten || d.take(fmt.Sprint(maxLastWritten+9)) != "{}" || len(d.known) != maxLastWritten-1 {
		t.Errorf("%d documents are known", len(d.known))
	}
}
