package redis

import "strings"

// SessionPrefix begins the key of every session document.
const SessionPrefix = "guest:"

func SessionKey(sessionID string) string { return SessionPrefix + sessionID }

// tombstonePrefix begins the key of a session's own tombstone. Only a cluster has
// them: the braces put it into the slot of the session's document, so that one script
// sees both.
const tombstonePrefix = "guests:deleted:{" + SessionPrefix

func TombstoneKey(sessionID string) string { return tombstonePrefix + sessionID + "}" }

// ChannelPrefix begins the channel of every instance.
const ChannelPrefix = "instance:"

// Keys names the keys of presence, all changed together by scripts. A
// script's keys must share a slot on a cluster: there the names carry a tag.
// What stands in the braces decides the slot, so the tag active_user_count lets
// the counter itself, which must have this very name, be in the same slot.
type Keys struct {
	Cluster     bool
	Counter     string // number: open sockets over all instances
	Instances   string // sorted set: instance → end of its lease, Unix ms
	Owners      string // hash: session id → instance where its socket lives
	Foreign     string // number: keys of other programs, as last swept
	Tombstones  string // sorted set: deleted session → when it was, Unix µs
	Epoch       string // the time in which Redis has lost no data: its id, its beginning in Unix ms, who held the data
	MembersOf   string // + instance: sorted set of session ids, all scores 0
	ReapLeaseOf string // + instance: who cleans up after it, for a while
	SweepLease  string // who sweeps, for a while
}

func NewKeys(cluster bool) Keys {
	tag := ""
	if cluster {
		tag = "{active_user_count}"
	}
	return Keys{
		Cluster:     cluster,
		Counter:     "active_user_count",
		Instances:   "instances" + tag,
		Owners:      "guests:instance" + tag,
		Foreign:     "guests:foreign" + tag,
		Tombstones:  "guests:deleted" + tag,
		Epoch:       "guests:epoch" + tag,
		MembersOf:   "guests:online:" + tag,
		ReapLeaseOf: "guests:reaping:" + tag,
		SweepLease:  "guests:sweeping" + tag,
	}
}

// Has reports whether a key is one of ours, other than a session's.
func (k Keys) Has(key string) bool {
	switch key {
	case k.Counter, k.Instances, k.Owners, k.Foreign, k.Tombstones, k.Epoch, k.SweepLease, MatchQueue, MatchWaiting, MatchPairs, MatchSequence:
		return true
	}
	return strings.HasPrefix(key, k.MembersOf) || strings.HasPrefix(key, k.ReapLeaseOf) || strings.HasPrefix(key, tombstonePrefix)
}

// pattern is a key as a right to it is written: what differs by guest or instance is *.
func (k Keys) pattern(key string) string {
	for _, prefix := range []string{SessionPrefix, k.MembersOf, k.ReapLeaseOf, tombstonePrefix} {
		if strings.HasPrefix(key, prefix) {
			return prefix + "*"
		}
	}
	return key
}

func (k Keys) Members(instance string) string   { return k.MembersOf + instance }
func (k Keys) ReapLease(instance string) string { return k.ReapLeaseOf + instance }

// The keys of the matcher, in one slot of their own.
const (
	MatchQueue    = "{match}:queue"    // sorted set, all scores 0: index entries of who waits
	MatchWaiting  = "{match}:waiting"  // hash: guest id → who waits, and its index entries
	MatchPairs    = "{match}:pairs"    // hash: guest id → pair, under both ids
	MatchSequence = "{match}:sequence" // number: the order of arrival
)
