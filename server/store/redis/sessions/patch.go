package sessions

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// patchBatch is how many documents one script changes: enough to share the round trip,
// few enough not to delay other commands.
const patchBatch = 32

// Patch changes the named fields atomically and byte for byte, in one script or two,
// and returns the whole document as it is afterwards.
func (s *Store) Patch(ctx context.Context, sessionID string, p guest.Patch) (guest.Session, error) {
	sessions, errs := s.PatchEach(ctx, []guest.Change{{SessionID: sessionID, Patch: p}})
	return sessions[0], errs[0]
}

// PatchAll is Patch for many different sessions, with a result each. Up to 32 documents
// with the same fields share a script; not on a cluster, where each has its own slot.
func (s *Store) PatchAll(ctx context.Context, changes []guest.Change) []error {
	_, errs := s.PatchEach(ctx, changes)
	return errs
}

// PatchEach is PatchAll that also returns the documents.
func (s *Store) PatchEach(ctx context.Context, changes []guest.Change) ([]guest.Session, []error) {
	sessions, errs := make([]guest.Session, len(changes)), make([]error, len(changes))
	l, err := s.redis.Up()
	limit := patchBatch
	if err == nil && l.Cluster {
		limit = 1
	}
	var scripts sync.WaitGroup
	for from, to := 0, 0; from < len(changes); from = to {
		for to = from; to < len(changes) && to-from < limit && changes[to].Patch.Fields == changes[from].Patch.Fields &&
			guest.ValidSessionID(changes[to].SessionID); to++ {
		}
		switch {
		case to == from:
			errs[to] = fmt.Errorf("%s: %w", doingChange, guest.ErrNotFound)
			to++
		case err != nil:
			for i := from; i < to; i++ {
				errs[i] = fmt.Errorf("%s: %w", doingChange, err)
			}
		case from == 0 && to == len(changes):
			s.patchSome(ctx, l, changes, sessions, errs)
		default:
			scripts.Go(func() { s.patchSome(ctx, l, changes[from:to], sessions[from:to], errs[from:to]) })
		}
	}
	scripts.Wait()
	return sessions, errs
}

const doingChange = "change session"

// patchSome makes up to patchBatch changes of the same fields, and fills in the results.
// It replaces documents whose text is known by compare-and-set, and changes members of
// the others: one script of each kind.
func (s *Store) patchSome(ctx context.Context, l *redis.Link, changes []guest.Change, sessions []guest.Session, errs []error) {
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	rest := s.compareAndSet(ctx, l, changes, sessions, errs)
	if len(rest) == 0 {
		return
	}
	keys := make([]string, len(rest))
	patches := make([]guest.Patch, len(rest))
	for k, i := range rest {
		keys[k], patches[k] = redis.SessionKey(changes[i].SessionID), changes[i].Patch
	}
	replies, err := s.scripts.patch.Exec(ctx, l.Client, keys, patchArgs("", "", patches...)).ToArray()
	if err == nil && len(replies) != len(rest) {
		err = fmt.Errorf("%d replies for %d documents", len(replies), len(rest))
	}
	for k, i := range rest {
		s.redis.Cache.Forget(keys[k])
		problem := err
		if problem == nil {
			sessions[i], problem = parseReply(replies[k], changes[i].SessionID)
		}
		if problem == nil {
			text, _ := replies[k].ToString() // parsed just now
			s.lastWritten.learn(sessions[i], text)
		}
		errs[i] = s.wrap(doingChange, problem)
	}
}

// patchArgs are the script's arguments for patches of the same fields. The script
// changes a document only if the JSON value of a member, which it also changes, is as
// expected; "" is no condition.
func patchArgs(member, expected string, patches ...guest.Patch) []string {
	args := make([]string, 3, 4+14*(1+len(patches)))
	args[0], args[1], args[2] = lifetimeSeconds, member, expected
	return appendMembers(args, patches...)
}

// appendMembers appends what patches of the same fields change: the number of members,
// their names, then the values of each patch.
func appendMembers(args []string, patches ...guest.Patch) []string {
	at := len(args)
	args = append(args, "")
	for name := range patches[0].Each {
		args = append(args, name)
	}
	args[at] = strconv.Itoa(len(args) - at - 1)
	for _, p := range patches {
		for _, value := range p.Each {
			args = append(args, string(value))
		}
	}
	return args
}

// parseReply reads a document or an error from the script's reply.
func parseReply(reply rueidis.RedisMessage, sessionID string) (guest.Session, error) {
	if err := reply.Error(); err != nil {
		return guest.Session{}, err
	}
	return redis.ParseDocument(reply, sessionID)
}
