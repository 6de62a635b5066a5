// Package pairing is the protocol by which guests on different server instances meet,
// talk, move and part, as a pure state machine. realtime.Node does not use it yet: it
// will execute the machine's effects in place of the protocol in realtime/PROTOCOL.md.
//
// A Machine is what one instance knows. Step takes one thing that has happened and
// appends what is to be done. It has no locks, goroutines, clock, network or
// randomness, so that the tests run thousands of machines in simulated time.
//
// # Authority
//
// The matcher decides who is paired with whom, presence which instance holds a guest's
// socket; both are in Redis, or in memory while Redis is away. What was said in a pair,
// and that it is over, is known to the two sides alone: each guest's side of a pair is
// held by one instance, where its socket is. An instance may hold both sides, and then
// none of the messages below is sent.
//
// # Sides and numbers
//
// A side numbers what it says in the pair from 1: the first item begins the pair, then
// come events, and the last one ends it. The partner's side delivers items in this
// order, once: it drops what it has had, keeps up to 64 early ones, and acknowledges.
// The sender keeps an item until it is acknowledged and sends it again to wherever the
// partner's side is by then. So a guest who moves, a lost message, a lost link and a
// Redis that was killed are one case, and an end overtakes nothing. That the partner's
// socket has taken a message is acknowledged by number as well: that is its receipt.
//
// States of a side: offered (its begin is on the way, and the guest still searches),
// begun (the guest was told of the partner), over (its end is said, and what it has
// said is on its way; the guest is free). It is forgotten when its end is acknowledged
// or when the partner's end comes.
//
// A holder has a time: the guest's join, and more than that of the holder before. Of two
// holders of a side the later one counts; the other is told that its partner is gone.
//
// # Messages
//
//	Item      side → partner's side. One numbered item. Delivered in order. The begin
//	          carries the pair, and is accepted only by a guest who still searches by
//	          the search that the matcher found.
//	Ack       side → partner's side. The items it has delivered, and those its socket
//	          has taken. Drops them from the sender, gives the receipts. Ask: answer at
//	          once. Record: the matcher refuses the pair, so record it there as well.
//	Gone      any → side. The sender does not hold the partner's side. An offered pair is
//	          refused; a begun one asks presence, and is closed unless its partner is
//	          elsewhere. Notice: the matcher has dissolved the pair, and nobody at the
//	          sender is in it; a guest who waits searches again, one who is in it asks.
//	Claim     new instance → old. The guest joined here at this time. The old one closes
//	          its socket, unless its own is newer, and answers by a Handover. Adopt: the
//	          chat comes along, for the new instance knew of the old by presence. Without
//	          it, after an outage, the chat ends: the guest may have done other things.
//	          Delete: the session is gone.
//	Handover  old → new. The side with all that is not acknowledged; or none, with the
//	          partner of a chat that ended instead. Newer: the guest has come back.
//	Handed    new → old. The new instance holds the side. Until then Handover is repeated.
//
// Every message also carries Delivered, Taken and the holder's time, so that any of them
// acknowledges, and says where the side is now. All but Handed and answers are repeated
// until they are answered: any may be lost, come twice, or late.
//
// A handover that comes when the guest has stopped waiting (or has gone) is installed as
// a side that is over: its messages and its end are delivered, and the guest is told that
// the chat is closed.
//
// # Calls
//
// A guest has one matcher call under way at most. After each answer the machine compares
// what the guest wants with what the matcher may hold of it, and makes the next call.
// Leaving a chat asks the matcher first, then says the end: a partner who is told may
// search at once. Resync, when the store behind the ports is another one, makes every
// answer that is still under way doubtful, records all pairs and searches again, and asks
// every partner elsewhere.
//
// # Faults
//
//	message lost, repeated, late   sent again; numbers make it harmless
//	instance killed                its lease lapses: Dead closes its sides for their partners
//	instance frozen                as killed after its lease; else its messages come late
//	guest moves                    Claim and Handover; partners learn from the next message
//	old instance does not answer   the guest waits 500 ms, is told that the chat is closed;
//	                               the handover that comes later ends it for the partner
//	Redis away                     chats within an instance go on; between instances messages
//	                               wait with their senders, and are sent when Redis is back
//	Redis back, or emptied         Resync
//	cut off from Redis             others take the instance for dead after 6.5 s; on its return
//	                               its partners' instances answer Gone, and it closes the chats
//	two sockets after an outage    the later join keeps the guest; presence is told again
//
// # Timeouts
//
//	resendEvery   1 s      what is not acknowledged is sent again. Loss is rare, and a healthy
//	                       round trip takes 20 ms
//	soon          200 ms   acknowledgement where no message carries it; the first four tries
//	                       of a claim and a handover, so that two fit into arriveWithin
//	arriveWithin  500 ms   a guest who has moved waits for its chat; longer would be felt
//	silentTries   6        times (6 s) that a partner's instance is asked with the link up before
//	                       the partner is gone: a little more than the lease
//	lingerTries   10       times that an end, claim or handover is sent: longer than lease and
//	                       grace (5.5 s), after which the other instance is dead, or asks itself
//
// With the lease of 4 s, the grace of 1.5 s and the beat of 1 s in the store these are all.
// Rule 4 allows 10 s from the loss of an instance until the partner knows: lease 4 s + grace
// 1.5 s + next beat 1 s = 6.5 s, and the partner's own instance tells it, with no message in
// between. An instance that is alive and lost the side answers Gone: one resend + two round
// trips, under 2 s. One that neither answers nor is dead: 6 tries of 1 s, 7 s. A guest who
// has moved away from a dead instance: 0.5 s, and its partner as above.
//
// # Memory
//
// A side keeps at most 1,000 items and 1,000 receipts; a machine keeps 16 MiB of event data
// in all, and beyond either the guest is told that its partner is not available. Early items:
// 64 a side. Commands that wait for a chat: 64 a guest. A side that is over, a claim, a
// handover and a notice each last 10 s with the link up, longer only while there is no link.
//
// # Versions
//
// A message begins with Version. An instance refuses those of another version (ErrVersion):
// to it the other is silent, and guests are matched by the matcher alone as before, so during
// a rolling upgrade each release must read the version before its own for one release.
package pairing
