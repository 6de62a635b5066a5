package scenarios

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"guestload/scenarios/operation"
	"guestload/scenarios/rule"
)

// object is a JSON Schema.
type object = map[string]any

// schemaOf makes the JSON Schema of the language from the parser's own tables:
// which keys, steps, options, words and operations there are. What a value looks
// like is in values; a key without an entry there fails the test.
func schemaOf(t *testing.T) object {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{t: t, values: values(), readme: string(readme)}
	s := g.mapping("scenario", scenarioKeys(), "scenario", "about", "guests")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "guestload scenario"
	s["description"] = "Generated from the parser; README.md explains every key."
	having := func(key string) object { return object{"required": []any{key}} }
	s["oneOf"] = []any{
		object{"required": []any{"phases"}, "not": having("capacity")},
		object{"required": []any{"capacity", "thresholds"}, "not": having("phases")},
	}
	s["$defs"] = g.definitions()
	return s
}

// generator builds schemas. values are the schemas of values by where they stand:
// "mapping.key", or "key" for all mappings.
type generator struct {
	t      *testing.T
	values object
	readme string
}

func (g *generator) value(mapping, key string) any {
	for _, name := range []string{mapping + "." + key, key} {
		if v, ok := g.values[name]; ok {
			return v
		}
	}
	g.t.Errorf("the parser knows the key %q of %q, and values does not say what it looks like", key, mapping)
	return true
}

// explained is the value of a key, with what README.md says of it.
func (g *generator) explained(mapping, key string) any {
	section := map[string]string{"scenario": "Top level", "capacity": "Capacity", "script": "Guests", "server": "Servers and faults", "feed": "Feeds", "step": "Steps"}[mapping]
	_, rest, _ := strings.Cut(g.readme, "\n## "+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	row := regexp.MustCompile("(?m)^\\| `" + key + "` \\| ([^|]*) \\|").FindStringSubmatch(rest)
	value, ok := g.value(mapping, key).(object)
	if section == "" || row == nil || !ok {
		return value
	}
	value = maps.Clone(value)
	value["description"] = strings.ReplaceAll(row[1], "`", "")
	return value
}

// mapping is the schema of a mapping with these keys and no others.
func (g *generator) mapping(name string, keys []string, required ...string) object {
	properties := object{}
	for _, key := range keys {
		properties[key] = g.explained(name, key)
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = anys(required)
	}
	return s
}

func (g *generator) definitions() object {
	defs := object{
		"capacity": g.mapping("capacity", capacityKeys(), "from", "to"),
		"script":   g.mapping("script", scriptKeys(), "script", "steps"),
		"profile":  g.mapping("traits", traitKeys()),
		"server":   g.mapping("server", serverKeys()),
		"feeds":    g.mapping("feeds", feedNames()),
		"wire":     g.mapping("wire", wireKeys()),
		"phase":    g.phase(),
		"step":     g.step(),
		"fault":    g.fault(),
	}
	feed := g.mapping("feed", feedKeys())
	feed["oneOf"] = []any{object{"required": []any{"file"}}, object{"required": []any{"values"}, "not": object{"required": []any{"column"}}}}
	defs["feed"] = feed
	maps.Copy(defs, forms())
	return defs
}

// phase has one of the shapes.
func (g *generator) phase() object {
	var all []any
	for _, shape := range []Shape{Rate, Ramp, Burst, Closed, Pause} {
		keys := shapes()[shape]
		required := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "spacing" })
		variants := [][]string{required}
		if shape == Burst { // within a time, or at a rate
			variants = [][]string{{"guests", "within"}, {"guests", "at"}}
		}
		for _, required := range variants {
			allowed := append([]string{"name", "record"}, required...)
			if slices.Contains(keys, "spacing") {
				allowed = append(allowed, "spacing")
			}
			all = append(all, g.mapping("phase", allowed, required...))
		}
	}
	known := phaseKeys()
	for _, keys := range shapes() {
		known = slices.DeleteFunc(known, func(key string) bool { return slices.Contains(keys, key) })
	}
	if !slices.Equal(known, []string{"name", "record"}) {
		g.t.Errorf("no shape of a phase has the keys %q", known)
	}
	return object{"oneOf": all}
}

// step is a word, or a word with options. The parser is asked which steps need some.
func (g *generator) step() object {
	var words []any
	long := object{}
	for _, name := range steps() {
		kind := Kind(name)
		if len(problemsOf("["+name+"]")) == 0 {
			words = append(words, name)
		}
		var required []string
		for _, p := range problemsOf("[" + name + ": {}]") {
			if key := regexp.MustCompile(`needs the key "([^"]+)"`).FindStringSubmatch(p.Message); key != nil {
				required = append(required, key[1])
			}
		}
		g.values["step."+name] = g.mapping(name, options(kind), required...)
		long[name] = g.explained("step", name)
	}
	return object{"oneOf": []any{
		object{"enum": words},
		object{"type": "object", "properties": long, "additionalProperties": false, "minProperties": 1, "maxProperties": 1},
	}}
}

// problemsOf asks the parser about a list of one step; its place among others is
// not looked at.
func problemsOf(step string) []Problem {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(step), &document); err != nil {
		return []Problem{{Message: err.Error()}}
	}
	r := &reading{}
	r.step(document.Content[0].Content[0], false)
	return r.problems
}

// fault does one thing.
func (g *generator) fault() object {
	s := g.mapping("fault", faultKeys(), "at")
	var one []any
	for _, action := range actions() {
		one = append(one, object{"required": []any{action}})
	}
	s["oneOf"] = one
	return s
}

func anys(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

func list(of any) object { return object{"type": "array", "minItems": 1, "items": of} }

func listOrOne(of any) object { return object{"anyOf": []any{of, list(of)}} }

func enum(words ...string) object { return object{"enum": anys(words)} }

func pattern(p string, examples ...string) object {
	s := object{"type": "string", "pattern": p}
	if len(examples) > 0 {
		s["examples"] = anys(examples)
	}
	return s
}

func count(most float64) object { return object{"type": "integer", "minimum": 1, "maximum": most} }

const (
	duration = `([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*`
	number   = `([0-9]+(\.[0-9]*)?|\.[0-9]+)`
	perTime  = number + `/(s|min|h)`
	whole    = `[0-9]+`
)

// draw is a value that is drawn, as quantity.parseDraw and a list have it.
func draw(one string, constant object) object {
	forms := []string{one + `\.\.` + one, `exponential +mean +` + one + `( +max +` + one + `)?`, `exponential +max +` + one + ` +mean +` + one,
		`lognormal( +(median|max) +` + one + `| +sigma +` + number + `){2,3}`}
	return object{"anyOf": []any{constant, pattern("^(" + strings.Join(forms, "|") + ")$"), list(constant)}}
}

// forms are the values that several keys have.
func forms() object {
	text := object{"type": []any{"string", "number", "boolean"}}
	times := pattern("^"+duration+"$", "200ms", "5s", "1m30s")
	return object{
		"text": text, "time": times, "times": draw(duration, times), "lengths": draw(whole, count(maxLength)), "counts": draw(whole, count(maxCount)),
		"rate": pattern("^"+perTime+"$", "20/s", "600/min", "90/h"), "name": pattern(scenarioName.String()),
		"trait":     listOrOne(object{"type": text["type"], "maxLength": 50}),
		"threshold": pattern(threshold(), "response(delivery) p99 < 100ms", "failures < 0.1%", "violations == 0"),
	}
}

// values says what the values of keys look like.
func values() object {
	text, times, rate, name, trait := ref("text"), ref("time"), ref("rate"), ref("name"), ref("trait")
	spacing := enum("uniform", "poisson")
	victim := object{"type": "string", "pattern": `^(redis|instance ([1-9]|[1-5][0-9]|6[0-4]))$`, "examples": []any{"redis", "instance 2"}}
	v := object{
		"scenario.scenario": name, "version": object{"const": Version}, "about": object{"type": "string", "minLength": 1},
		"seed":   object{"type": "integer", "minimum": 0},
		"phases": list(ref("phase")), "capacity": ref("capacity"), "scenario.guests": list(ref("script")), "feeds": ref("feeds"),
		"wire": ref("wire"), "server": ref("server"), "faults": list(ref("fault")), "processes": count(MaxProcesses),
		"thresholds": list(ref("threshold")),

		"name": text, "arrivals": rate, "from": rate, "to": rate, "phase.guests": count(maxGuests), "concurrent": count(maxGuests),
		"within": times, "phase.at": rate, "pause": times, "phase.for": times, "spacing": spacing, "record": object{"type": "boolean"},

		"factor": object{"type": "number", "exclusiveMinimum": 1, "maximum": mostFactor}, "settle": times, "hold": times,
		"precision": pattern(`^`+number+` *%$`, "5%"), "repeats": object{"enum": odd(mostRepeats)},

		"script.script": name, "weight": object{"type": "number", "exclusiveMinimum": 0, "maximum": 1e9}, "profile": ref("profile"),
		"lost": enum(string(LostReconnect), string(LostLeave)), "steps": list(ref("step")),
		"language": trait, "gender": trait, "country": trait,

		"think": ref("times"), "for": ref("times"), "chat.messages": ref("counts"),
		"length": ref("lengths"), "typing": object{"type": "boolean"}, "wait.at": rate,
		"until": object{"type": "string", "minLength": 1, "description": "a time from the start of the run, or the name of a phase"},
		"with":  listOrOne(enum(Attacks()...)), "how": enum(string(Clean), string(Abrupt), string(HalfOpen)),
		"after": enum(string(Left), string(Leaving)),

		"usernames": ref("feed"), "locations": ref("feed"), "feeds.messages": ref("feed"),
		"file": pattern(`\.([cC][sS][vV]|[jJ][sS][oO][nN][lL]|[nN][dD][jJ][sS][oO][nN]|[tT][xX][tT])$`), "column": text,
		"values": listOrOne(text), "order": enum("sequence", "random"),

		"instances": count(MaxInstances), "storage": enum(string(StorageMemory), string(StorageRedis)), "tokens": times, "server.events": rate,
		"fault.at": times,
		"paths":    object{"type": "object", "additionalProperties": pattern("^/[^ ?#]*$"), "propertyNames": enum(paths()...)},
		"events":   object{"type": "object", "additionalProperties": text, "propertyNames": enum(events()...)},
	}
	for _, action := range actions() {
		v[action] = victim
	}
	return v
}

func odd(most int) (all []any) {
	for n := 1; n <= most; n += 2 {
		all = append(all, n)
	}
	return all
}

// threshold is the pattern of a threshold. Each metric of the parser has one.
func threshold() string {
	const compare = ` *(<=?|>=?|==) *`
	operation := ` *\( *(` + strings.Join(operation.Names(), "|") + `) *\)`
	rules := ` *\( *(` + strings.Join(rule.IDs(), "|") + `) *\)`
	const window = `( +in +any +` + duration + `)?`
	var all []string
	for _, m := range metrics() {
		what := strings.ReplaceAll(m, " ", " +")
		switch {
		case m == "response" || m == "service" || m == "lag":
			what += operation + ` *(mean|max|p[0-9]{2}(\.[0-9]{1,3})?|p99[0-9]{1,3})` + compare + duration + window
		case m == "rate":
			what += operation + compare + perTime + window
		case m == "failures":
			what += `(` + operation + `)?` + compare + number + `%?` + window
		case m == "violations":
			what += `(` + rules + `)?` + compare + whole
		case m == "unmatched":
			what += compare + number + `%?`
		case strings.HasSuffix(m, " cpu"):
			what += compare + duration + `/session`
		case strings.HasSuffix(m, " memory"):
			what += compare + number + `(KB|MB|GB)`
		default: // of faults
			what += compare + duration
		}
		all = append(all, what)
	}
	return "^ *(" + strings.Join(all, "|") + ") *$"
}

// schemaText is the schema as it stands in the folder.
func schemaText(t *testing.T) []byte {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // the file is for editors, not for pages
	e.SetIndent("", "  ")
	if err := e.Encode(schemaOf(t)); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
