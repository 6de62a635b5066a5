package store

import "strings"

// sessionPrefix begins the key of every session document.
const sessionPrefix = "guest:"

func sessionKey(sessionID string) string { return sessionPrefix + sessionID }

// tombstonePrefix begins the key of a session's own tombstone. Only a cluster has
// them: the braces put it into the slot of the session's document, so that one script
// sees both.
const tombstonePrefix = "guests:deleted:{" + sessionPrefix

func tombstoneKey(sessionID string) string { return tombstonePrefix + sessionID + "}" }

// channelPrefix begins the channel of every instance.
const channelPrefix = "instance:"

// keyspace names the keys of presence, all changed together by scripts. A
// script's keys must share a slot on a cluster: there the names carry a tag.
// What stands in the braces decides the slot, so the tag active_user_count lets
// the counter itself, which must have this very name, be in the same slot.
type keyspace struct {
	cluster     bool
	counter     string // number: open sockets over all instances
	instances   string // sorted set: instance → end of its lease, Unix ms
	owners      string // hash: session id → instance where its socket lives
	foreign     string // number: keys of other programs, as last swept
	tombstones  string // sorted set: deleted session → when it was, Unix µs
	epoch       string // the time in which Redis has lost no data: its id, its beginning in Unix ms, who held the data
	membersOf   string // + instance: sorted set of session ids, all scores 0
	reapLeaseOf string // + instance: who cleans up after it, for a while
	sweepLease  string // who sweeps, for a while
}

func newKeyspace(cluster bool) keyspace {
	tag := ""
	if cluster {
		tag = "{active_user_count}"
	}
	return keyspace{
		cluster:     cluster,
		counter:     "active_user_count",
		instances:   "instances" + tag,
		owners:      "guests:instance" + tag,
		foreign:     "guests:foreign" + tag,
		tombstones:  "guests:deleted" + tag,
		epoch:       "guests:epoch" + tag,
		membersOf:   "guests:online:" + tag,
		reapLeaseOf: "guests:reaping:" + tag,
		sweepLease:  "guests:sweeping" + tag,
	}
}

// has reports whether a key is one of ours, other than a session's.
func (k keyspace) has(key string) bool {
	switch key {
	case k.counter, k.instances, k.owners, k.foreign, k.tombstones, k.epoch, k.sweepLease, matchQueue, matchWaiting, matchPairs, matchSequence:
		return true
	}
	return strings.HasPrefix(key, k.membersOf) || strings.HasPrefix(key, k.reapLeaseOf) || strings.HasPrefix(key, tombstonePrefix)
}

// pattern is a key as a right to it is written: what differs by guest or instance is *.
func (k keyspace) pattern(key string) string {
	for _, prefix := range []string{sessionPrefix, k.membersOf, k.reapLeaseOf, tombstonePrefix} {
		if strings.HasPrefix(key, prefix) {
			return prefix + "*"
		}
	}
	return key
}

func (k keyspace) members(instance string) string   { return k.membersOf + instance }
func (k keyspace) reapLease(instance string) string { return k.reapLeaseOf + instance }

// The keys of the matcher, in one slot of their own.
const (
	matchQueue    = "{match}:queue"    // sorted set, all scores 0: index entries of who waits
	matchWaiting  = "{match}:waiting"  // hash: guest id → who waits, and its index entries
	matchPairs    = "{match}:pairs"    // hash: guest id → pair, under both ids
	matchSequence = "{match}:sequence" // number: the order of arrival
)
