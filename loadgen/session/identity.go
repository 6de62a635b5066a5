package session

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// create asks for a session, with a name of the guest's own unless it is "".
func (p *player) create(ctx context.Context, within, intended time.Duration, username string) error {
	return p.call(ctx, operation.Create, intended, Request{
		Method: "POST", Path: p.world.path("/api/guest"), Body: p.introduction(username), Within: within,
	}, p.readIdentity)
}

// introduction is what a guest tells of itself when it comes, nil for nothing.
func (p *player) introduction(username string) []byte {
	var b []byte
	field := func(name, value string) {
		if value != "" {
			b = api.AppendString(append(b, name...), value)
		}
	}
	field(`,"username":`, username)
	field(`,"gender":`, p.traits.Gender)
	field(`,"language":`, p.traits.Language)
	if p.traits.Country != "" {
		b = append(api.AppendString(append(b, `,"location":{"country":`...), p.traits.Country), '}')
	}
	if b == nil {
		return nil
	}
	b[0] = '{'
	return append(b, '}')
}

func (p *player) readIdentity(data api.Value) error {
	id := Identity{Token: string(data.Get("token").Text())}
	for name, v := range data.Get("user").Members() {
		switch string(name) {
		case "id":
			id.ID = string(v.Text())
		case "sessionId":
			id.SessionID = string(v.Text())
		}
	}
	if at := strings.Index(id.ID, id.SessionID); at >= 0 {
		id.SessionID = id.ID[at:][:len(id.SessionID)] // as the contract has it: one string will do
	}
	if id.Token == "" || id.ID == "" || id.SessionID == "" {
		return fmt.Errorf("%w: the new session has no token, id or sessionId: %q", ErrProtocol, data)
	}
	p.self = id
	return nil
}

// fetch asks for the guest's own session, as others would.
func (p *player) fetch(ctx context.Context, within, intended time.Duration) error {
	path := strings.Replace(p.world.path("/api/guest/{sessionId}"), "{sessionId}", p.self.SessionID, 1)
	return p.call(ctx, operation.Fetch, intended, Request{Method: "GET", Path: path, Within: within}, func(data api.Value) error {
		if id := data.Get("user", "id").Text(); string(id) != p.self.ID {
			return fmt.Errorf("%w: asked for session %s, which is %s, and got %q", ErrProtocol, p.self.SessionID, p.self.ID, id)
		}
		return nil
	})
}

// ask gets what every guest may ask for.
func (p *player) ask(ctx context.Context, op operation.Op, path string, within, intended time.Duration) error {
	return p.call(ctx, op, intended, Request{Method: "GET", Path: p.world.path(path), Token: p.self.Token, Within: within}, nil)
}

// renew asks for a fresh token of the same session.
func (p *player) renew(ctx context.Context, within, intended time.Duration) error {
	return p.call(ctx, operation.Renew, intended, Request{
		Method: "POST", Path: p.world.path("/api/guest/token"), Token: p.self.Token, Within: within,
	}, func(data api.Value) error {
		token := data.Get("token").Text()
		if len(token) == 0 {
			return fmt.Errorf("%w: the renewed token is missing: %q", ErrProtocol, data)
		}
		p.self.Token = string(token)
		return nil
	})
}

// locate tells where the guest is. It is not measured: only its failures are seen.
func (p *player) locate(ctx context.Context, within time.Duration) error {
	location := p.place()
	body := append(append([]byte(`{"location":`), location...), '}')
	sent := p.now()
	err := p.request(ctx, Request{
		Method: "POST", Path: p.world.path("/api/guest/location"), Token: p.self.Token, Body: body, Within: within,
	}, nil)
	p.cause = p.now()
	switch {
	case err == nil:
		note(&p.world.work.placed)
		if v, parsed := api.ParseJSON([]byte(location)); parsed == nil {
			p.traits.Country = string(v.Get("country").Text())
		}
	case counted(err):
		return err
	case ctx.Err() != nil:
		return errStopped
	default:
		p.traitsUnknown = true
		p.noteFailure(string(scenarios.Locate), sent, err)
	}
	return nil
}

// place draws a location, as JSON.
func (p *player) place() string {
	if location := p.feed(scenarios.FeedLocation, 0); location != "" {
		return location
	}
	at := places[p.random.IntN(len(places))]
	return `{"country":"` + at[0] + `","city":"` + at[1] + `"}`
}

// places are where guests are when a scenario brings no locations along.
var places = [...][2]string{
	{"Germany", "Hamburg"}, {"France", "Lyon"}, {"Japan", "Osaka"}, {"Brazil", "Recife"},
	{"India", "Pune"}, {"Kenya", "Mombasa"}, {"Canada", "Halifax"}, {"Indonesia", "Bandung"},
}

// call does one measured request. Without a session a guest cannot go on; any
// other failure is counted, and the guest carries on.
func (p *player) call(ctx context.Context, op operation.Op, intended time.Duration, r Request, read func(api.Value) error) error {
	p.sending.Waited = 0
	r.Sending = &p.sending
	sent := p.now()
	err := p.request(ctx, r, read)
	p.countRetries(op)
	if err == nil {
		p.success(op, intended, sent+p.sending.Waited, p.now())
		return nil
	}
	if counted(err) {
		return err
	}
	err = p.failure(ctx, op, sent, err)
	if op == operation.Create || errors.Is(err, errStopped) {
		return err
	}
	p.cause = p.now()
	return nil
}

// countRetries records how often the operation's request was sent again.
func (p *player) countRetries(op operation.Op) {
	if p.sending.Retries > 0 {
		p.guest.Recorder.Retried(op, p.sending.Retries, p.now())
		p.sending.Retries = 0
	}
}

// feed supplies the n-th value that the guest takes from a feed, "" where the
// scenario has no such feed.
func (p *player) feed(name string, n int) string {
	f := p.world.Feeds[name]
	switch {
	case len(f.Values) == 0:
		return ""
	case f.Random:
		return p.random.pick(f.Values)
	}
	return f.Values[(p.guest.Index+n)%len(f.Values)]
}

// newName is another name than the guest had.
func (p *player) newName() string {
	if name := p.feed(scenarios.FeedUsername, 1); name != "" {
		return name
	}
	return "Guest_" + strconv.FormatUint(p.random.Uint64N(1e12), 36)
}
