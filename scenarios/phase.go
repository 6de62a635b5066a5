package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

func (r *reading) phases(n *yaml.Node) []Phase {
	var all []Phase
	names := map[string]int{}
	for i, item := range r.items(n, "a list of phases") {
		p, ok := r.phase(item, i+1)
		if !ok {
			continue
		}
		if line := names[p.Name]; line > 0 {
			r.problem(item, "the phase %q stands in line %d already: give each its own name", p.Name, line)
		}
		names[p.Name] = item.Line
		all = append(all, p)
	}
	r.sums(n, all)
	return all
}

// sums checks what only all phases together can break.
func (r *reading) sums(n *yaml.Node, all []Phase) {
	if len(all) != len(n.Content) || len(all) == 0 {
		return // a phase is missing from the sum: it was complained of
	}
	s := Scenario{Phases: all}
	switch planned := s.planned(); {
	case planned < 1:
		r.problem(n, "nobody arrives in these phases: one of them needs guests")
		return
	case planned > maxGuests:
		r.problem(n, "%.0f guests arrive in these phases: at most %.0f", planned, maxGuests)
	}
	if !slices.ContainsFunc(all, func(p Phase) bool { return p.Record && p.Shape != Pause }) {
		r.problem(n, "no phase with guests is recorded: leave out record: false in one of them")
	}
	if s.Length() > maxDuration {
		r.problem(n, "the phases last %v: at most %v", s.Length(), maxDuration)
	}
}

// shapes says which keys make which shape: the first is the one that tells.
func shapes() map[Shape][]string {
	return map[Shape][]string{
		Rate:   {"arrivals", "for", "spacing"},
		Ramp:   {"from", "to", "for", "spacing"},
		Burst:  {"guests", "within", "at", "spacing"},
		Closed: {"concurrent", "for"},
		Pause:  {"pause"},
	}
}

const shapesInWords = "a phase has one of: arrivals and for; from, to and for; guests and within, or guests and at; concurrent and for; pause"

// phaseKeys returns the keys of all shapes, and those that every phase may have.
func phaseKeys() []string {
	return []string{"name", "arrivals", "from", "to", "guests", "within", "at", "concurrent", "pause", "for", "spacing", "record"}
}

func (r *reading) phase(n *yaml.Node, number int) (Phase, bool) {
	e, ok := r.mapping(n, "a phase", phaseKeys())
	if !ok {
		return Phase{}, false
	}
	before := len(r.problems)
	p := Phase{Name: fmt.Sprintf("phase-%d", number), Record: true}
	if v := e.get("name"); v != nil {
		p.Name, _ = r.shown(v, "the phase's name")
	}
	if !r.shape(e, &p) {
		return p, false
	}
	r.rates(e, &p)
	r.spans(e, &p)
	if v := e.get("spacing"); v != nil {
		if word, ok := r.word(v, "a spacing", "uniform", "poisson"); ok && word == "poisson" {
			p.Spacing = Poisson
		}
	}
	if v := e.get("record"); v != nil {
		word, _ := r.word(v, "true or false", "true", "false")
		p.Record = word == "true"
	}
	return p, len(r.problems) == before
}

// shape finds the one shape whose keys are there, and complains of keys that
// belong to another.
func (r *reading) shape(e entries, p *Phase) bool {
	found := false
	var told string
	for _, shape := range []Shape{Rate, Ramp, Burst, Closed, Pause} {
		keys := shapes()[shape]
		if !e.has(keys[0]) && !(shape == Ramp && e.has("to")) && !(shape == Burst && (e.has("within") || e.has("at"))) {
			continue
		}
		if found {
			r.problem(e.node, "found both %q and %q: %s", told, keys[0], shapesInWords)
			return false
		}
		found, told, p.Shape = true, keys[0], shape
	}
	if !found && len(e.meant) > 0 {
		return false // the key that tells is probably the misspelt one
	}
	if !found {
		r.problem(e.node, "nothing says how guests arrive: %s", shapesInWords)
		return false
	}
	ok := true
	keys := shapes()[p.Shape]
	if p.Shape == Burst && e.has("at") && e.has("within") {
		r.problem(e.get("at"), "found both \"within\" and \"at\": guests come within a time, or at a rate that makes the time")
		ok = false
	}
	for _, key := range keys {
		if key == "at" || key == "within" && e.has("at") {
			continue
		}
		if key != "spacing" && !e.has(key) && !slices.Contains(e.meant, key) {
			r.problem(e.node, "a phase with %q needs %q too: %s", strings.Join(present(e, keys), " and "), key, example(p.Shape))
			ok = false
		}
	}
	for _, key := range e.keys {
		if !slices.Contains(keys, key.Value) && key.Value != "name" && key.Value != "record" {
			r.problem(key, "%q does not go with %q: %s", key.Value, told, example(p.Shape))
			ok = false
		}
	}
	return ok
}

func present(e entries, keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !e.has(key) || key == "spacing" })
}

func example(s Shape) string {
	return map[Shape]string{
		Rate:   "write for example {arrivals: 20/s, for: 30s}",
		Ramp:   "write for example {from: 10/s, to: 100/s, for: 30s}",
		Burst:  "write for example {guests: 5000, within: 10s}",
		Closed: "write for example {concurrent: 50, for: 30s}",
		Pause:  "write for example {pause: 5s}",
	}[s]
}

func (r *reading) rates(e entries, p *Phase) {
	read := func(key string, least string) (float64, bool) {
		v := e.get(key)
		if v == nil {
			return 0, false
		}
		rate, ok := parsed(r, v, key, parseRate)
		if ok && rate == 0 && least != "" {
			r.problem(v, "%s: found %q: %s", key, v.Value, least)
		}
		return rate, ok
	}
	switch p.Shape {
	case Rate:
		p.From, _ = read("arrivals", "a rate is above 0; a phase without arrivals is written {pause: 5s}")
	case Burst:
		p.From, _ = read("at", "a rate is above 0")
	case Ramp:
		var from, to bool
		p.From, from = read("from", "")
		p.To, to = read("to", "")
		if from && to && p.From == p.To {
			r.problem(e.get("to"), "from and to are the same: write {%s}", level(p.From, e.get("to").Value))
		}
	}
}

func (r *reading) spans(e entries, p *Phase) {
	for _, key := range []string{"for", "within", "pause"} {
		v := e.get(key)
		if v == nil {
			continue
		}
		var ok bool
		if p.For, ok = parsed(r, v, key, parseDuration); ok && p.For < time.Millisecond {
			r.problem(v, "%s: found %q: at least 1ms", key, v.Value)
		}
	}
	for _, key := range []string{"guests", "concurrent"} {
		if v := e.get(key); v != nil {
			p.Guests, _ = parsed(r, v, key, func(s string) (int, error) { return parseCount(s, maxGuests) })
		}
	}
	p.pace()
}

// level is how a rate that does not change is written.
func level(rate float64, written string) string {
	if rate == 0 {
		return "pause: ..."
	}
	return "arrivals: " + written + ", for: ..."
}
