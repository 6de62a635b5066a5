package redis

import (
	"context"
	_ "embed" // the script is a file
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/rueidis"
)

// Before Redis is used, Check runs every command that this program needs, harmlessly: on
// scratch keys that are gone when the script ends, and on real keys by removing members
// that do not exist. So a missing right, a wrong type or a bad state is reported as a
// whole, instead of failing guests one after the other.

//go:embed check.lua
var checkLua string

var checkScript = rueidis.NewLuaScript(checkLua)

// none is a member that no set or hash has.
const none = "\x00none"

// checkSteps are commands on keys of one slot.
type checkSteps struct {
	keys  []string
	steps [][]string
}

func (t *checkSteps) try(command, key string, args ...string) {
	t.steps = append(t.steps, append([]string{command, key}, args...))
	if !slices.Contains(t.keys, key) {
		t.keys = append(t.keys, key)
	}
}

func (t *checkSteps) args() (args []string) {
	for _, s := range t.steps {
		args = append(append(args, strconv.Itoa(len(s))), s...)
	}
	return args
}

// checksOf are the steps of an instance: of sessions, presence and the matcher.
func checksOf(k Keys, instance string) []*checkSteps {
	var sessions, presence, matcher checkSteps
	id := uuid.NewString()
	doc := SessionKey(id)
	sessions.try("SET", doc, "{}", "EX", "10")
	sessions.try("GET", doc)
	sessions.try("MGET", doc)
	sessions.try("DEL", doc)
	if k.Cluster {
		sessions.try("SET", TombstoneKey(id), "1", "PX", "10000")
		sessions.try("EXISTS", TombstoneKey(id))
		sessions.try("DEL", TombstoneKey(id))
	}

	scratch, number := k.Members(instance+".check"), k.ReapLease(instance+".check")
	presence.try("SET", number, "1", "PX", "10000")
	for _, c := range []string{"INCR", "GET", "EXISTS"} {
		presence.try(c, number)
	}
	presence.try("DECRBY", number, "1")
	presence.try("EXPIRE", number, "10")
	presence.try("PEXPIRE", number, "10000")
	presence.try("DEL", number)
	presence.try("ZADD", scratch, "0", none)
	presence.try("ZCARD", scratch)
	presence.try("ZRANGE", scratch, "0", "-1")
	presence.try("ZRANGEBYLEX", scratch, "-", "+")
	presence.try("ZRANGEBYSCORE", scratch, "-inf", "+inf")
	presence.try("ZREMRANGEBYSCORE", scratch, "-inf", "-1")
	presence.try("ZMSCORE", scratch, none)
	presence.try("DEL", scratch)
	presence.try("HSET", scratch, none, "")
	presence.try("HSETNX", scratch, none, "")
	presence.try("HMGET", scratch, none)
	presence.try("HLEN", scratch)
	presence.try("DEL", scratch)
	for _, set := range []string{k.Instances, k.Members(instance), k.Tombstones} {
		presence.try("ZREM", set, none)
		presence.try("ZSCORE", set, none)
	}
	presence.try("HDEL", k.Owners, none)
	presence.try("HGET", k.Owners, none)
	for _, text := range []string{k.Counter, k.Foreign, k.Epoch, k.SweepLease} {
		presence.try("GET", text)
	}

	matcher.try("ZREM", MatchQueue, none)
	matcher.try("ZRANGEBYLEX", MatchQueue, "-", "+", "LIMIT", "0", "1")
	for _, hash := range []string{MatchWaiting, MatchPairs} {
		matcher.try("HDEL", hash, none)
		matcher.try("HGET", hash, none)
		matcher.try("HSCAN", hash, "0", "COUNT", "1")
	}
	matcher.try("GET", MatchSequence)
	return []*checkSteps{&sessions, &presence, &matcher}
}

// Check returns nil if Redis permits all that an instance needs, a *Refusal that names
// the user, what Redis refuses and why, or the error of a Redis that does not reply.
func (r *Client) Check(ctx context.Context, instance string) error {
	const doing = "check what redis permits"
	l, err := r.Up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, ReplyTimeout)
	defer cancel()
	var failed failures
	for _, t := range checksOf(l.Keys, instance) {
		reply, err := checkScript.Exec(ctx, l.Client, t.keys, t.args()).AsStrSlice()
		if !Answered(err) {
			return r.Failure(doing, err)
		}
		if err != nil { // scripts as such
			for _, key := range t.keys {
				failed.add("EVALSHA", key, err.Error())
			}
			continue
		}
		for i, text := range reply {
			if text != "" {
				failed.add(t.steps[i][0], t.steps[i][1], text)
			}
		}
	}
	channel := ChannelPrefix + instance
	publish := l.Client.B().Publish().Channel(channel).Message("").Build()
	if l.Cluster {
		publish = l.Client.B().Spublish().Channel(channel).Message("").Build()
	}
	scan := l.Client.B().Scan().Cursor(0).Count(1).Build()
	for i, result := range []rueidis.RedisResult{l.Client.Do(ctx, publish), l.Client.Do(ctx, scan)} {
		switch err := result.Error(); {
		case !Answered(err):
			return r.Failure(doing, err)
		case err != nil:
			failed.add([]string{"PUBLISH", "SCAN"}[i], []string{"channel " + ChannelPrefix + "*", "0"}[i], err.Error())
		}
	}
	return failed.refusal(r.User(), l.Keys)
}

// User is the user name at Redis.
func (r *Client) User() string {
	if r.address.username != "" {
		return r.address.username
	}
	return "default"
}

// failures are the commands that failed in a check.
type failures struct {
	found []failure
}

type failure struct{ code, command, key, words string }

func (f *failures) add(command, key, words string) {
	code := refusalCode(words)
	if code == "" {
		code, _, _ = strings.Cut(words, " ")
	}
	f.found = append(f.found, failure{code, command, key, words})
}

// mostNamed bounds the commands and keys that a refusal names.
const mostNamed = 6

// refusal reports all failures with the code of the first, in one line; nil for none.
func (f *failures) refusal(user string, k Keys) error {
	if len(f.found) == 0 {
		return nil
	}
	first := f.found[0]
	var named []string
	for _, one := range f.found {
		name := one.command + " " + k.pattern(one.key)
		if one.code == CodeType {
			name = k.pattern(one.key)
		}
		if one.code == first.code && !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	more := ""
	if n := len(named) - mostNamed; n > 0 {
		named, more = named[:mostNamed], fmt.Sprintf(" and %d more", n)
	}
	what := strings.Join(named, ", ") + more
	switch first.code {
	case CodeRights:
		return Refuse(first.code, fmt.Sprintf("redis user %q may not run %s", user, what), first.words)
	case CodeType:
		return Refuse(first.code, "redis holds something else under "+what, first.words)
	}
	return Refuse(first.code, "redis refuses "+what, first.words)
}
