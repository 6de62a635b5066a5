package scenarios

import (
	"errors"
	"regexp"

	yaml "go.yaml.in/yaml/v4"
)

func (r *reading) scripts(n *yaml.Node) []Script {
	if n.Kind != yaml.SequenceNode {
		if !isNothing(n) {
			r.problem(n, "found %s where a list of scripts belongs", describe(n))
		}
		return nil
	}
	var all []Script
	names := map[string]int{}
	for _, item := range r.list(n, "a list of scripts") {
		s, ok := r.script(item)
		if !ok {
			continue
		}
		if line := names[s.Name]; line > 0 {
			r.problem(item, "the script %q stands in line %d already: give each its own name", s.Name, line)
		}
		names[s.Name] = item.Line
		all = append(all, s)
	}
	return all
}

func (r *reading) script(n *yaml.Node) (Script, bool) {
	e, ok := r.mapping(n, "a script", []string{"script", "weight", "profile", "steps"})
	if !ok {
		return Script{}, false
	}
	s := Script{Weight: 1}
	if v := r.required(e, "a script", "script"); v != nil {
		name, named := r.text(v, "the script's name")
		if named && !scenarioName.MatchString(name) {
			r.problem(v, "found the name %q: it has lower-case letters and digits, joined by single dashes", shorten(name))
		}
		s.Name, ok = name, named
	} else {
		ok = false
	}
	if v := e.get("weight"); v != nil {
		s.Weight, _ = parsed(r, v, "weight", parseWeight)
	}
	if v := e.get("profile"); v != nil {
		if traits, isMap := r.mapping(v, "a profile", traitKeys()); isMap {
			s.Profile = r.traits(traits)
		}
	}
	if v := r.required(e, "a script", "steps"); v != nil {
		s.Steps = r.steps(v)
	}
	return s, ok
}

func parseWeight(s string) (float64, error) {
	w, ok := decimal(s)
	if !ok || w == 0 || w > 1e9 {
		return 0, errors.New("a weight is a number above 0, like 90; only its ratio to the other weights counts")
	}
	return w, nil
}

func traitKeys() []string { return []string{"language", "gender", "country"} }

// traits reads language, gender and country, each a value or a list.
func (r *reading) traits(e entries) Traits {
	var t Traits
	for key, to := range map[string]*[]string{"language": &t.Language, "gender": &t.Gender, "country": &t.Country} {
		v := e.get(key)
		if v == nil {
			continue
		}
		*to = r.texts(v, "a "+key+" or a list of them")
		for _, item := range r.values(v) {
			if !traitValue.MatchString(item.Value) {
				r.problem(item, "%s: found %q: at most 50 characters, with no spaces around them", key, shorten(item.Value))
			}
		}
	}
	return t
}

var traitValue = regexp.MustCompile(`^(|\S|\S.{0,48}\S)$`)

// values returns the scalars of a value or list, with no complaint.
func (r *reading) values(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	var all []*yaml.Node
	for _, item := range n.Content {
		if n.Kind == yaml.SequenceNode && item.Kind == yaml.ScalarNode {
			all = append(all, item)
		}
	}
	return all
}

// order follows what a guest has and is through the steps of a script, so that
// a step that cannot work is found before any load.
type order struct {
	created, connected, dropped, searched bool
}

// admit takes the next step; the answer says why it cannot stand here, "" where
// it can.
func (o *order) admit(k Kind, first bool) string {
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
	case Chat, Next:
		if !o.searched {
			return string(k) + " needs a partner: write search before it"
		}
	}
	return ""
}
