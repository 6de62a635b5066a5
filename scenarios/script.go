package scenarios

import (
	"errors"
	"regexp"

	yaml "go.yaml.in/yaml/v4"
)

func (r *reading) scripts(n *yaml.Node) []Script {
	var all []Script
	names := map[string]int{}
	for _, item := range r.items(n, "a list of scripts") {
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

func scriptKeys() []string { return []string{"script", "weight", "profile", "lost", "steps"} }

func (r *reading) script(n *yaml.Node) (Script, bool) {
	e, ok := r.mapping(n, "a script", scriptKeys())
	if !ok {
		return Script{}, false
	}
	s := Script{Weight: 1, Lost: LostReconnect}
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
	if v := e.get("lost"); v != nil {
		word, _ := r.word(v, "what guests do whose instance is lost", string(LostReconnect), string(LostLeave))
		s.Lost = Lost(word)
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
