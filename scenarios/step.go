package scenarios

import (
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Defaults of steps; the README names them.
const defaultWithin = 10 * time.Second

// MaxWithin is the longest that a step may wait: no histogram holds a longer time.
const MaxWithin = time.Hour

func steps() []string {
	kinds := []Kind{Create, Fetch, Rename, Locate, Connect, Search, Chat, Idle, Next, Online, Stats, Renew, Reconnect, Drop, Wait, Deaf, Hostile, Speak}
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return words
}

// options returns the keys of a step's long form.
func options(k Kind) []string {
	switch k {
	case Search, Next:
		return append([]string{"think", "within"}, traitKeys()...)
	case Chat:
		return []string{"messages", "think", "length", "typing"}
	case Idle, Deaf:
		return []string{"for"}
	case Wait:
		return []string{"until", "at"}
	case Hostile:
		return []string{"think", "with"}
	case Speak:
		return []string{"think", "after", "within"}
	case Drop:
		return []string{"think", "how"}
	}
	return []string{"think", "within"}
}

var (
	thinkTime     = quantity{times: true}
	idleTime      = quantity{times: true, positive: true}
	messageCount  = quantity{min: 1}
	messageLength = quantity{min: 1, max: maxLength}
)

func (r *reading) steps(n *yaml.Node) []Step {
	var all []Step
	var o order
	inOrder := true // until a step is unknown: what follows it cannot be judged
	for i, item := range r.items(n, "a list of steps") {
		s, ok := r.step(item, i == 0)
		inOrder = inOrder && ok
		if inOrder {
			if wrong := o.admit(s, i == 0); wrong != "" {
				r.problem(item, "%s", wrong)
				inOrder = false
			}
		}
		all = append(all, s)
	}
	return all
}

// step reads the short form, a word, or the long form, a word with options.
// False where it is not known which step was meant.
func (r *reading) step(n *yaml.Node, first bool) (Step, bool) {
	word, value := n, (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		word, value = n.Content[0], n.Content[1]
	}
	if word.Kind != yaml.ScalarNode || isNothing(word) {
		r.problem(n, "found %s where a step belongs: write create, or chat: {messages: 5}", describe(n))
		return Step{}, false
	}
	kind, ok := r.word(word, "a step", steps()...)
	s := defaults(Kind(kind))
	s.Line = n.Line
	if !ok {
		return s, false
	}
	switch {
	case value == nil && (s.Kind == Idle || s.Kind == Deaf):
		r.problem(n, "%s needs a time: write %s: {for: 5s}", kind, kind)
	case value == nil && s.Kind == Wait:
		r.problem(n, "wait needs a moment of the run: write wait: {until: 20s}, or the name of a phase")
	case value == nil:
	case isNothing(value):
		r.problem(value, "%s has no options after the colon: write %s alone, or %s: {...}", kind, kind, kind)
	case value.Kind == yaml.ScalarNode:
		r.problem(value, "found %s where options of %s belong, each with its name: write %s: {%s: %s}", describe(value), kind, kind, mainOption(s.Kind), value.Value)
	default:
		if e, ok := r.mapping(value, "the step "+kind, options(s.Kind)); ok {
			r.options(e, &s, first)
		}
	}
	return s, true
}

// mainOption is the option that a single value after the step probably stands for.
func mainOption(k Kind) string {
	switch k {
	case Chat:
		return "messages"
	case Idle, Deaf:
		return "for"
	case Wait:
		return "until"
	case Drop:
		return "how"
	case Hostile:
		return "with"
	case Speak:
		return "after"
	}
	return "within"
}

// defaults returns the step as its short form means it.
func defaults(k Kind) Step {
	s := Step{Kind: k}
	switch k {
	case Search, Next:
		s.Within = defaultWithin
	case Chat:
		s.Messages = Draw{Form: Range, A: 5, B: 10, Whole: true, Min: 1}
		s.Think = Draw{Form: Range, A: 0.2, B: 0.8}
		s.Length = Draw{Form: Range, A: 20, B: 200, Whole: true, Min: 1, Max: maxLength}
	case Drop:
		s.How = Clean
	case Hostile:
		s.With = Attacks()
	case Speak:
		s.After, s.Within = Left, defaultWithin
	}
	return s
}

func (r *reading) options(e entries, s *Step, first bool) {
	s.Wants = r.traits(e)
	r.drawOption(e, "messages", messageCount, &s.Messages)
	r.drawOption(e, "length", messageLength, &s.Length)
	r.drawOption(e, "think", thinkTime, &s.Think)
	r.drawOption(e, "for", idleTime, &s.For)
	if v := e.get("think"); v != nil && first {
		r.problem(v, "the first step is due when the guest arrives: it has no think time")
	}
	switch s.Kind {
	case Idle, Deaf:
		r.required(e, "the step "+string(s.Kind), "for")
	case Wait:
		r.required(e, "the step wait", "until")
	}
	r.spanOption(e, "within", &s.Within)
	if s.Within > MaxWithin {
		r.problem(e.get("within"), "within: found %q: at most 1h, the longest time that is measured", e.get("within").Value)
	}
	r.momentOption(e, s)
	r.rateOption(e, s)
	if v := e.get("with"); v != nil {
		s.With = nil
		for _, item := range r.list(v, "a list of attacks") {
			word, _ := r.word(item, "an attack", Attacks()...)
			s.With = append(s.With, word)
		}
	}
	if v := e.get("typing"); v != nil {
		word, _ := r.word(v, "true or false", "true", "false")
		s.Typing = word == "true"
	}
	if v := e.get("after"); v != nil {
		word, _ := r.word(v, "the end of a chat", string(Left), string(Leaving))
		s.After = After(word)
	}
	if v := e.get("how"); v != nil {
		word, _ := r.word(v, "a way to drop", string(Clean), string(Abrupt), string(HalfOpen))
		s.How = How(word)
	}
}

// momentOption reads until when to wait: a time, or the name of a phase.
func (r *reading) momentOption(e entries, s *Step) {
	v := e.get("until")
	if v == nil {
		return
	}
	text, ok := r.text(v, "until")
	switch {
	case !ok:
	case text[0] < '0' || text[0] > '9':
		s.Begins = text
		r.named = append(r.named, v)
	default:
		r.spanOption(e, "until", &s.Until)
	}
}

// rateOption reads how many guests go on each second after a wait.
func (r *reading) rateOption(e entries, s *Step) {
	v := e.get("at")
	if v == nil {
		return
	}
	var ok bool
	if s.At, ok = parsed(r, v, "at", parseRate); ok && s.At == 0 {
		r.problem(v, "at: found %q: a rate is above 0", v.Value)
	}
}

// moments checks the phases that were named, once all are known.
func (r *reading) moments(s *Scenario) {
	var phases []string
	for _, p := range s.Phases {
		phases = append(phases, p.Name)
	}
	for _, v := range r.named {
		if len(phases) > 0 { // else they were complained of
			r.word(v, "a time such as 20s, or a phase,", phases...)
		}
	}
}

func (r *reading) spanOption(e entries, key string, to *time.Duration) {
	v := e.get(key)
	if v == nil {
		return
	}
	var ok bool
	if *to, ok = parsed(r, v, key, parseDuration); ok && *to < time.Millisecond {
		r.problem(v, "%s: found %q: at least 1ms", key, v.Value)
	}
}

func (r *reading) drawOption(e entries, key string, q quantity, to *Draw) {
	v := e.get(key)
	if v == nil || isNothing(v) {
		return
	}
	if v.Kind != yaml.SequenceNode {
		*to, _ = parsed(r, v, key, q.parseDraw)
		return
	}
	d := Draw{Form: List, Whole: !q.times, Min: q.min, Max: q.max}
	for _, item := range r.list(v, "a list of values") {
		if isNothing(item) {
			r.problem(item, "found nothing where a value belongs")
		} else if x, ok := parsed(r, item, key, q.parse); ok {
			d.Values = append(d.Values, x)
		}
	}
	*to = d
}
