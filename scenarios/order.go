package scenarios

import (
	"fmt"
	"slices"
)

// order follows what a guest has and is through the steps of a script, so that
// a step that cannot work is found before any load.
type order struct {
	created, connected, dropped, searched bool
}

// admit takes the next step; the answer says why it cannot stand here, "" where
// it can.
func (o *order) admit(s Step, first bool) string {
	k := s.Kind
	switch {
	case k == Create && o.created:
		return "the guest has a session already: create stands once, at the start"
	case first && k != Create:
		return "a script starts with create: there is no guest before it"
	case o.dropped && k != Reconnect:
		return "after drop only reconnect can follow"
	}
	switch k {
	case Create:
		o.created = true
	case Connect:
		if o.connected {
			return "the guest is connected already: to connect anew, write reconnect"
		}
		o.connected = true
	case Rename:
		if o.connected {
			return "rename stands before connect: a new name comes with a new session"
		}
	case Search, Drop, Reconnect:
		if !o.connected && !o.dropped {
			return string(k) + " needs a connection: write connect before it"
		}
		o.searched = k == Search
		o.dropped = k == Drop
		o.connected = k != Drop
	case Deaf:
		if !o.connected {
			return "deaf needs a connection: write connect before it"
		}
	case Hostile:
		if !o.connected && (slices.Contains(s.With, "frames") || slices.Contains(s.With, "floods")) {
			return "frames and floods need a connection: write connect before it, or hostile: {with: [names, bodies, tokens]}"
		}
	case Chat, Next, Speak:
		if !o.searched {
			return string(k) + " needs a partner: write search before it"
		}
	}
	return ""
}

// Unknown returns an error that names the first step of a kind which is not
// among the given ones, nil where all are. A load generator asks with those that
// it can play before it starts, so that nothing is left out silently.
func (s Scenario) Unknown(played ...Kind) error {
	for _, script := range s.Scripts {
		for _, step := range script.Steps {
			if !slices.Contains(played, step.Kind) {
				return fmt.Errorf("scenario %s, line %d: the step %q of script %s cannot be played by this program", s.Name, step.Line, step.Kind, script.Name)
			}
		}
	}
	return nil
}
