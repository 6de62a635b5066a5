package realtime

import (
	"encoding/json"
	"fmt"
	"slices"

	"guestload/server/api"
)

// life is what a roamer has been through, as it has heard it.
type life struct {
	id, name string
	talks    []*talk
	now      *talk // nil outside of a chat
	searches bool
	searched bool // on a socket before: a match that was decided by then may be told to this one
	unheard  bool // or it has been told to that one, which did not live to hear of it
	wrong    []string
	tale     []string
}

// talk is one chat, as one of the two has heard it.
type talk struct {
	of      *life
	with    string   // guest id; "" where its beginning was not heard
	sent    []string // ids of the messages that were accepted
	got     []string // and of those that came
	end     ending
	doubted bool // it may have ended unheard
	moves   int  // with its chat, to another instance
}

type ending byte

const (
	open ending = iota
	own         // the guest left, searched anew or dropped
	told        // the guest was told that the other is gone
)

// judge reads what all have heard, and returns what was against the rules in
// life.wrong, and why it is not yet as it must be in the end.
func judge(roamers []*roamer, faults bool) (lives []*life, why string) {
	byID := make(map[string]*life)
	for _, r := range roamers {
		l := r.live()
		lives = append(lives, l)
		byID[l.id] = l
	}
	sender := make(map[string]*talk)
	for _, l := range lives {
		for _, k := range l.talks {
			for _, id := range k.sent {
				sender[id] = k
			}
		}
	}
	for _, l := range lives {
		for _, k := range l.talks {
			if w := k.judge(sender, faults); w != "" {
				l.wrong = append(l.wrong, fmt.Sprintf("%s with %s: %s", l.name, nameOf(byID, k.with), w))
			}
			if faults || !k.lacks(sender, byID) {
				continue
			}
			why = fmt.Sprintf("%s has not heard all of %s", l.name, nameOf(byID, k.with))
		}
	}
	waiting := 0
	for _, l := range lives {
		switch {
		case l.now != nil:
			them := byID[l.now.with]
			if !l.now.doubted && (them == nil || them.now == nil || them.now.with != l.id) {
				why = fmt.Sprintf("%s is alone in a chat with %s", l.name, nameOf(byID, l.now.with))
			}
		case l.searches:
			if waiting++; waiting > 1 {
				why = fmt.Sprintf("%s and %d others wait", l.name, waiting-1)
			}
		}
	}
	return lives, why
}

func nameOf(lives map[string]*life, id string) string {
	if l := lives[id]; l != nil {
		return l.name
	}
	return id
}

// judge looks at what was heard in one chat.
func (k *talk) judge(sender map[string]*talk, faults bool) string {
	var from *talk
	last := -1
	for _, id := range k.got {
		s := sender[id]
		if s == nil {
			return fmt.Sprintf("message %s was sent by nobody", id)
		}
		if s.of.id != k.with || s.with != k.of.id && s.with != "" {
			return fmt.Sprintf("message %s came from %s, who said it to %s", id, s.of.name, s.with)
		}
		if from == nil {
			from = s
		}
		if s != from {
			if from.doubted || k.doubted {
				return ""
			}
			return "messages came from two chats"
		}
		at := slices.Index(s.sent, id)
		if at <= last {
			return fmt.Sprintf("message %d of %d came after %d", at, len(s.sent), last)
		}
		if at != last+1 && !faults && !k.doubted && !s.doubted {
			return fmt.Sprintf("message %d of %d came after %d", at, len(s.sent), last)
		}
		last = at
	}
	return ""
}

// lacks reports whether messages that must come have not.
func (k *talk) lacks(sender map[string]*talk, lives map[string]*life) bool {
	var from *talk
	if len(k.got) > 0 {
		from = sender[k.got[0]]
	} else if them := lives[k.with]; k == k.of.now && them != nil && them.now != nil && them.now.with == k.of.id {
		from = them.now
	}
	if from == nil || from.doubted || k.doubted || len(from.sent) == len(k.got) {
		return false
	}
	return k.end == told && from.end == own || k.end == open && from.end == open
}

// live goes through all that a roamer has heard.
func (r *roamer) live() *life {
	l := &life{id: r.session.ID, name: r.name}
	for i := range r.came {
		c := &r.came[i]
		l.arrive(c)
		c.heard("")
		for _, h := range c.got {
			l.hear(h, i == len(r.came)-1)
		}
	}
	return l
}

func (l *life) arrive(c *coming) {
	l.tell("-- comes to %s (%d)", c.at.node.instance, c.how)
	l.searched = c.how != anew && (l.searches || l.searched)
	switch {
	case c.how == anew:
		l.finish(own)
	case c.how == doubted && l.now == nil:
		l.unheard = l.unheard || l.searches
	case l.now == nil:
	case c.how == over:
		l.now.moves++
	case c.how == doubted:
		l.now.doubted = true
	}
	l.searches = false // with its socket
}

func (l *life) finish(how ending) {
	l.searched, l.unheard = false, false
	if l.now != nil {
		l.now.end, l.now = how, nil
	}
}

// in reports whether the guest is in a chat, perhaps with one whose name it has not heard.
func (l *life) in(with string) bool {
	if l.now == nil && l.unheard {
		l.begin(with).doubted = true
	}
	if l.now != nil && l.now.with == "" {
		l.now.with = with
	}
	return l.now != nil
}

func (l *life) begin(with string) *talk {
	l.now, l.searched, l.unheard = &talk{of: l, with: with}, false, false
	l.talks = append(l.talks, l.now)
	return l.now
}

func (l *life) tell(format string, args ...any) {
	l.tale = append(l.tale, fmt.Sprintf(format, args...))
}

func (l *life) blame(format string, args ...any) {
	what := l.name + " " + fmt.Sprintf(format, args...)
	l.wrong = append(l.wrong, what)
	l.tell("!! %s", what)
}

// hear takes in one event, of the last socket or of one of the past.
func (l *life) hear(h heard, last bool) {
	var data struct {
		ID, SenderID, MessageID, UserID, Message string
		MatchedUser                              struct{ ID string }
	}
	if h.data != "" {
		if err := json.Unmarshal([]byte(h.data), &data); err != nil {
			l.blame("heard %s", h.data)
			return
		}
	}
	l.tell("%s %s", h.event, h.data)
	switch h.event {
	case api.EventSearching:
		l.finish(own)
		l.searches = true
	case api.EventMatchCancelled, api.EventMatchError:
		l.searches = false
	case api.EventMatched:
		if l.now != nil && !l.now.doubted {
			l.blame("met %s while in a chat", data.MatchedUser.ID)
		}
		if !l.searches && !l.searched {
			l.blame("met %s without searching", data.MatchedUser.ID)
		}
		l.begin(data.MatchedUser.ID)
		l.searches = false
	case api.EventMessageSent:
		if !l.in("") {
			l.blame("was told that a message is sent, outside of a chat")
			return
		}
		l.now.sent = append(l.now.sent, data.MessageID)
	case api.EventChatMessage:
		if !l.in(data.SenderID) {
			l.blame("heard a message outside of a chat")
			return
		}
		l.now.got = append(l.now.got, data.ID)
	case api.EventClearConfirmed:
		l.finish(own)
	case api.EventChatCleared, api.EventRoomClosed:
		if l.now != nil && (data.UserID == l.now.with || l.now.with == "") {
			l.finish(told)
		}
	case api.EventError:
		if last {
			l.blame("lost its last socket: %s", data.Message)
		}
	}
}
