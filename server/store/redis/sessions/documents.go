package sessions

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// Documents reads many sessions at once, from the client cache if possible.
func (s *Store) Documents(ctx context.Context, l *redis.Link, ids []string) ([]guest.Session, error) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return !guest.ValidSessionID(id) })
	keys, found := make([]string, len(ids)), make([]*redis.Entry, len(ids))
	for i, id := range ids {
		keys[i] = redis.SessionKey(id)
	}
	cache := s.redis.Cache
	cache.Look(keys, found)
	var missing []string
	var places []int // their indexes in ids
	for i, e := range found {
		if e == nil {
			missing, places = append(missing, keys[i]), append(places, i)
		}
	}
	cache.Stats.Hits.Add(int64(len(ids) - len(missing)))
	if len(missing) > 0 {
		answers, err := l.ReadMany(ctx, missing)
		if err != nil {
			return nil, err
		}
		cache.Look(keys, found)
		for n, i := range places {
			if found[i] == nil { // missing, or changed since
				found[i] = redis.NewEntry(answers[n])
			}
		}
	}
	page := make([]guest.Session, 0, len(ids))
	for i, id := range ids {
		if g, err := found[i].Parse(id); err == nil {
			page = append(page, g)
		}
	}
	return page, nil
}

// MarkOffline marks guests as offline in their documents, unless they have a new socket
// by now.
func (s *Store) MarkOffline(ctx context.Context, l *redis.Link, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	reads := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		reads[i] = l.Client.B().Get().Key(redis.SessionKey(id)).Build()
	}
	var scripts []rueidis.LuaExec
	for i, result := range l.Client.DoMulti(ctx, reads...) {
		message, err := result.ToMessage()
		if err != nil {
			if redis.Answered(err) {
				continue // expired, or not a document
			}
			return err
		}
		g, err := redis.ParseDocument(message, ids[i])
		if err != nil || !g.IsOnline {
			continue
		}
		scripts = append(scripts, offlineScript(g))
	}
	if len(scripts) == 0 {
		return nil
	}
	for i, result := range s.scripts.patch.ExecMulti(ctx, l.Client, scripts...) {
		s.redis.Cache.Forget(scripts[i].Keys[0])
		if err := result.Error(); !redis.Answered(err) {
			return err
		}
	}
	return nil
}

// offlineScript marks a guest as offline if the document still has the same socket.
func offlineScript(g guest.Session) rueidis.LuaExec {
	gone := guest.Patch{Fields: guest.FieldIsOnline | guest.FieldSocketID | guest.FieldIsSearching | guest.FieldInChat | guest.FieldConnectedUser}
	socket := ""
	for _, value := range (guest.Patch{Fields: guest.FieldSocketID, To: g}).Each {
		socket = string(value)
	}
	return rueidis.LuaExec{Keys: []string{redis.SessionKey(g.SessionID)}, Args: patchArgs("socketId", socket, gone)}
}
