package scenarios

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Version is the version of the language that this package reads.
const Version = 1

// maxSource bounds a scenario file, in bytes.
const maxSource = 1 << 20

// Parse reads one scenario; name is the file's, for messages. Files of feeds
// are not opened, so their Values are nil: Load opens them. What is wrong with
// the file is an *InvalidError with every problem in it.
func Parse(name string, source []byte) (Scenario, error) {
	return parse(name, source, nil)
}

func parse(name string, source []byte, open func(file string) ([]byte, error)) (Scenario, error) {
	r := &reading{open: open}
	s := Scenario{Source: bytes.Clone(source), Hash: hash(source)}
	if root := r.document(source); root != nil {
		r.scenario(root, &s)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, inFileOrder)
		return Scenario{}, &InvalidError{File: name, Problems: r.problems}
	}
	return s.settled(), nil
}

func hash(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:])
}

// document returns the root of the only document in source, nil where there is
// a problem. Anchors, aliases, tags and merge keys are not part of the language:
// a scenario reads from top to bottom.
func (r *reading) document(source []byte) *yaml.Node {
	start := &yaml.Node{Line: 1, Column: 1}
	switch {
	case len(source) > maxSource:
		r.problem(start, "the file has %d bytes: at most %d", len(source), maxSource)
		return nil
	case otherEncoding(source) != "":
		r.problem(start, "%s", otherEncoding(source))
		return nil
	case !utf8.Valid(source):
		r.problem(firstInvalid(source), "the file is not UTF-8 text: the byte %#02x here belongs to no character", source[validUpTo(source)])
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(withoutVersion(source)))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		r.problem(start, "the file is empty: a scenario has at least the keys scenario, about, phases and guests")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	err = decoder.Decode(&second)
	for err == nil && isEmpty(&second) { // after --- at the end
		second = yaml.Node{}
		err = decoder.Decode(&second)
	}
	if err == nil {
		r.problem(&second, "found a second document: a file holds one scenario")
		return nil
	}
	if !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil
	}
	if !r.plain(document.Content[0]) {
		return nil
	}
	return document.Content[0]
}

const byteOrderMark = "\ufeff"

// otherEncoding names the encoding of text that is UTF-16, "" for other text. No
// text in UTF-8 has zero bytes.
func otherEncoding(source []byte) string {
	if bytes.HasPrefix(source, []byte("\xff\xfe")) || bytes.HasPrefix(source, []byte("\xfe\xff")) || bytes.IndexByte(source, 0) >= 0 {
		return "the file is UTF-16, or no text: save it as UTF-8"
	}
	return ""
}

var yamlVersion = regexp.MustCompile(`^%YAML[ \t]+1\.[0-9]+[ \t]*(#.*)?\r?$`)

// withoutVersion makes a comment of a %YAML 1.x directive before the document: the
// YAML library takes 1.1 alone, and the language is the same in all of them.
func withoutVersion(source []byte) []byte {
	at := 0
	if bytes.HasPrefix(source, []byte(byteOrderMark)) {
		at = len(byteOrderMark)
	}
	for line := range bytes.Lines(source[at:]) {
		text := bytes.TrimRight(line, "\n")
		switch {
		case yamlVersion.Match(text):
			changed := bytes.Clone(source)
			changed[at] = '#'
			return changed
		case len(bytes.TrimSpace(text)) > 0 && text[0] != '#' && text[0] != '%':
			return source
		}
		at += len(line)
	}
	return source
}

// isEmpty reports a document without content.
func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].Value == ""
}

// validUpTo is the index of the first byte that is not UTF-8, len(source) for none.
func validUpTo(source []byte) int {
	for i := 0; i < len(source); {
		r, size := utf8.DecodeRune(source[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(source)
}

// firstInvalid is the place of the first byte that is not UTF-8.
func firstInvalid(source []byte) *yaml.Node {
	before := source[:validUpTo(source)]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return &yaml.Node{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1}
}

// syntax tells what the YAML library found, at its position.
func (r *reading) syntax(err error) {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		r.problem(&yaml.Node{Line: 1, Column: 1}, "not YAML: %v", err)
		return
	}
	message := at.Message
	if at.ContextMsg != "" {
		message += ", " + at.ContextMsg + " that began in line " + strconv.Itoa(at.ContextMark.Line)
	}
	r.problem(&yaml.Node{Line: max(at.Mark.Line, 1), Column: max(at.Mark.Column, 1)}, "not YAML: %s", message)
}

func (r *reading) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.problem(n, "found the alias *%s: aliases are not part of the language, write the value out", n.Value)
		return false
	case n.Anchor != "":
		r.problem(n, "found the anchor &%s: anchors are not part of the language", n.Anchor)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.problem(n, "found the tag %s: tags are not part of the language", n.Tag)
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = r.plain(child) && ok
	}
	return ok
}

var scenarioName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func scenarioKeys() []string {
	return []string{"scenario", "version", "about", "seed", "phases", "capacity", "guests", "feeds", "wire", "server", "faults", "processes", "thresholds"}
}

func (r *reading) scenario(n *yaml.Node, s *Scenario) {
	e, ok := r.mapping(n, "a scenario", scenarioKeys())
	if !ok {
		return
	}
	s.Seed = 1
	r.heading(e, s)
	r.load(e, s)
	before, scriptsRead := len(r.problems), false
	if v := r.required(e, "a scenario", "guests"); v != nil {
		s.Scripts = r.scripts(v)
		scriptsRead = len(r.problems) == before
	}
	r.moments(s)
	if v := e.get("feeds"); v != nil {
		s.Feeds = r.feeds(v)
	}
	if v := e.get("wire"); v != nil {
		s.Wire = r.wire(v)
	}
	s.Server = Server{Instances: 1, Storage: StorageMemory}
	if v := e.get("server"); v != nil {
		s.Server = r.server(v)
	}
	if v := e.get("faults"); v != nil {
		s.Faults = r.faults(v, s)
	}
	s.Processes = 1
	if v := e.get("processes"); v != nil {
		r.processes(v, s)
	}
	if v := e.get("thresholds"); v != nil {
		s.Thresholds = r.thresholds(v, func(t Threshold) string {
			if !scriptsRead {
				return "" // which steps there are is not known
			}
			return s.idle(t)
		})
	}
	if v := e.get("capacity"); v != nil && !e.has("thresholds") && !slices.Contains(e.meant, "thresholds") {
		r.problem(v, "a search for the capacity needs thresholds: without any, no rate would ever break")
	}
}

// load reads who arrives when: phases, or a search for what the server holds.
func (r *reading) load(e entries, s *Scenario) {
	v := e.get("capacity")
	if v == nil {
		if v := r.required(e, "a scenario", "phases"); v != nil {
			s.Phases = r.phases(v)
		}
		return
	}
	if e.has("phases") {
		r.problem(v, "found both \"phases\" and \"capacity\": a search makes its own phases, one run after the other")
	}
	if s.Capacity = r.capacity(v); s.Capacity != nil {
		s.Phases = s.At(s.Capacity.From).Phases
	}
}

func (r *reading) heading(e entries, s *Scenario) {
	if v := r.required(e, "a scenario", "scenario"); v != nil {
		name, ok := r.text(v, "the scenario's name")
		if ok && !scenarioName.MatchString(name) {
			r.problem(v, "found the name %q: it has lower-case letters and digits, joined by single dashes", shorten(name))
		}
		s.Name = name
	}
	if v := e.get("version"); v != nil {
		if text, ok := r.text(v, "the version of the language"); ok && text != strconv.Itoa(Version) {
			r.problem(v, "found version %s of the language: this program reads version %d", shorten(text), Version)
		}
	}
	if v := r.required(e, "a scenario", "about"); v != nil {
		s.About, _ = r.shown(v, "a sentence about the scenario")
	}
	if v := e.get("seed"); v != nil {
		s.Seed, _ = parsed(r, v, "seed", func(text string) (uint64, error) {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				err = errors.New("a seed is a whole number from 0 to 18446744073709551615")
			}
			return seed, err
		})
	}
}

// required returns the value of a key that may not be absent.
func (r *reading) required(e entries, what, key string) *yaml.Node {
	v := e.get(key)
	if v == nil && !slices.Contains(e.meant, key) {
		r.problem(e.node, "%s needs the key %q", what, key)
	}
	return v
}

// thresholds reads them; idle says of one why it would look at nothing, "" where
// it does not.
func (r *reading) thresholds(n *yaml.Node, idle func(Threshold) string) []Threshold {
	var all []Threshold
	seen := map[string]int{}
	for _, item := range r.items(n, "a list of thresholds") {
		text, ok := r.text(item, "a threshold")
		if !ok {
			if isNothing(item) {
				r.problem(item, "found nothing where a threshold belongs")
			}
			continue
		}
		t, err := ParseThreshold(text)
		var at *ThresholdError
		if errors.As(err, &at) {
			place := *item
			if item.Style == 0 { // quotes and folding would shift the column
				place.Column += at.Column - 1
			}
			r.problem(&place, "%s", at.Message)
			continue
		}
		if line := seen[t.Expression]; line > 0 {
			r.problem(item, "the threshold %q stands in line %d already", t.Expression, line)
		}
		seen[t.Expression] = item.Line
		if why := idle(t); why != "" {
			r.problem(item, "the threshold %q looks at nothing: %s", t.Expression, why)
		}
		t.Line = item.Line
		all = append(all, t)
	}
	return all
}
