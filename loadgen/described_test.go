package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"guestload/results"
	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/contract"
)

// descriptions validates what goes over the wire against OpenAPI and AsyncAPI.
type descriptions struct {
	compiler *jsonschema.Compiler
	openapi  map[string]any
	asyncapi map[string]any
	seen     map[string]int // how often each operation, status and event was validated
}

func newDescriptions(t *testing.T) *descriptions {
	t.Helper()
	d := &descriptions{compiler: jsonschema.NewCompiler(), seen: map[string]int{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.openapi = d.add(t, "openapi", contract.OpenAPI)
	d.asyncapi = d.add(t, "asyncapi", contract.AsyncAPI)
	return d
}

// add reads a description. Its schemas are closed: a member that they do not name
// is a fault here, though clients are to ignore it.
func (d *descriptions) add(t *testing.T, name, text string) map[string]any {
	t.Helper()
	var parsed any
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	closed(doc)
	if err := d.compiler.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, open := v["additionalProperties"]; v["properties"] != nil && !open {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closed(member)
		}
	case []any:
		for _, item := range v {
			closed(item)
		}
	}
}

// pointer names a place in a document.
func pointer(document string, path ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D")
	for i := range path {
		path[i] = escape.Replace(path[i])
	}
	return document + "#/" + strings.Join(path, "/")
}

// at returns what a path of names leads to in a document, and where that is: references
// on the way are followed.
func at(doc map[string]any, path ...string) (found any, where []string) {
	found = doc
	for _, name := range path {
		members, _ := found.(map[string]any)
		found, where = members[name], append(where, name)
		if members, ok := found.(map[string]any); ok {
			if ref, ok := members["$ref"].(string); ok {
				found, where = at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			}
		}
	}
	return found, where
}

// check validates a JSON text against the schema at a place.
func (d *descriptions) check(where string, text []byte) error {
	schema, err := d.compiler.Compile(where)
	if err != nil {
		return fmt.Errorf("compile %s: %w", where, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", where, text, err)
	}
	return nil
}

// operation returns the path of the description that a request is of.
func (d *descriptions) operation(method, path string) ([]string, error) {
	best := ""
	paths, _ := d.openapi["paths"].(map[string]any)
	for template := range paths {
		shape := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(template), "[^/]+")
		exact := !strings.Contains(template, "{")
		if regexp.MustCompile("^"+shape+"$").MatchString(path) && (best == "" || exact) {
			best = template
		}
	}
	where := []string{"paths", best, strings.ToLower(method)}
	if op, _ := at(d.openapi, where...); op == nil {
		return nil, fmt.Errorf("%s %s is not described", method, path)
	}
	return where, nil
}

// exchange checks a request and its answer.
func (d *descriptions) exchange(r *http.Request, body []byte, answer *http.Response, answered []byte) error {
	op, err := d.operation(r.Method, r.URL.Path)
	if err != nil {
		return err
	}
	d.seen[fmt.Sprintf("%s %s %d", r.Method, op[1], answer.StatusCode)]++
	if len(body) > 0 {
		schema, where := at(d.openapi, append(op, "requestBody", "content", "application/json", "schema")...)
		if schema == nil {
			return fmt.Errorf("%s %s is described without a body, and has %s", r.Method, op[1], body)
		}
		if err := d.check(pointer("openapi", where...), body); err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	described, where := at(d.openapi, append(op, "responses", fmt.Sprint(answer.StatusCode))...)
	if described == nil {
		return fmt.Errorf("%s %s answers %d, which is not described: %s", r.Method, op[1], answer.StatusCode, answered)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	schema, where := at(d.openapi, append(where, "content", kind, "schema")...)
	if schema == nil {
		return fmt.Errorf("%s %s answers %d with %q, which is not described", r.Method, op[1], answer.StatusCode, kind)
	}
	if kind != api.ContentType {
		return nil
	}
	return d.check(pointer("openapi", where...), answered)
}

// event checks the data of an event; channel is who sent it: client or server.
func (d *descriptions) event(channel string, ev api.Inbound) error {
	name := strings.ReplaceAll(ev.Event, ":", "-")
	d.seen[channel+" "+ev.Event]++
	message, where := at(d.asyncapi, "channels", channel, "messages", name)
	if message == nil {
		return fmt.Errorf("%s sends %s, which is not described", channel, ev.Event)
	}
	payload, where := at(d.asyncapi, append(where, "payload")...)
	switch {
	case payload != nil && ev.Data == nil:
		return d.check(pointer("asyncapi", where...), []byte("null"))
	case payload != nil:
		return d.check(pointer("asyncapi", where...), ev.Data)
	case ev.Data != nil:
		return fmt.Errorf("%s sends %s with %s, which is described without data", channel, ev.Event, ev.Data)
	}
	return nil
}

// conversation checks all that was said on one connection.
func (d *descriptions) conversation(sent, received []byte) error {
	requests, answers := bufio.NewReader(bytes.NewReader(sent)), bufio.NewReader(bytes.NewReader(received))
	for {
		r, err := http.ReadRequest(requests)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		answer, err := http.ReadResponse(answers, r)
		if err != nil {
			return nil // nobody waited for it
		}
		answered, err := io.ReadAll(answer.Body)
		if answer.StatusCode == http.StatusSwitchingProtocols {
			answered, err = nil, nil
		}
		if err == nil {
			err = d.exchange(r, body, answer, answered)
		}
		if err != nil {
			return err
		}
		if answer.StatusCode == http.StatusSwitchingProtocols {
			framing := api.JSON
			if r.URL.Path == api.PathSocketIO {
				framing = api.SocketIO
			}
			return errors.Join(d.socket("client", framing, frame.Server, requests), d.socket("server", framing, frame.Client, answers))
		}
	}
}

// socket checks the events of one direction; side is who reads them.
func (d *descriptions) socket(channel string, framing api.Framing, side frame.Side, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var parts frame.Assembler
	for {
		f, n, err := frame.Parse(b, side, 1<<20)
		if err != nil || n == 0 {
			return err
		}
		b = b[n:]
		m, whole, err := parts.Add(f, 1<<20)
		if err != nil {
			return err
		}
		if !whole || m.Op != frame.Text {
			continue
		}
		p, err := api.Decode(framing, m.Payload)
		if err != nil {
			return err
		}
		if p.Kind == api.Event {
			if err := d.event(channel, p.Inbound); err != nil {
				return err
			}
		}
	}
}

// busy is smoke and what it leaves out.
const busy = `scenario: busy
about: guests do all that the descriptions name.
seed: 3
phases:
  - {name: meet, guests: 12, within: 500ms}
guests:
  - script: mover
    weight: 3
    profile: {language: [en, de], country: Ireland}
    steps: [create, fetch, rename, connect, locate, renew, online, stats, {search: {within: 5s, language: [en, de]}}, {chat: {messages: 4..6, think: 10ms..40ms, typing: true}}, {next: {within: 2s}}, {chat: {messages: 2..3, think: 10ms..40ms}}, drop]
  - script: returner
    weight: 1
    steps: [create, connect, {search: {within: 5s}}, {chat: {messages: 1, think: 10ms}}, reconnect, {idle: {for: 300ms}}, {drop: {how: abrupt}}]
`

// TestWhatASmokeRunSaysIsDescribed plays through a recording proxy, and validates
// every request, answer and event.
func TestWhatASmokeRunSaysIsDescribed(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"smoke", scenarioFile(t, busy)} {
		for _, transport := range []string{"ws", "socketio"} {
			t.Run(filepath.Base(scenario)+"/"+transport, func(t *testing.T) {
				t.Parallel()
				proxy := startProxy(t, startServer(t).Target)
				code, out, errs := invoke(t.Context(), "--scenario", scenario, "--target", proxy.url(),
					"--transport", transport, "--out", filepath.Join(t.TempDir(), "r"), "--quiet")
				if code == results.ExitUsage || code == results.ExitCouldNotRun || code == results.ExitViolated {
					t.Fatalf("exit code %d\n%s%s", code, out, errs)
				}
				d := newDescriptions(t)
				for _, c := range proxy.stop() {
					if err := d.conversation(c.sent.Bytes(), c.received.Bytes()); err != nil {
						t.Error(err)
					}
				}
				for _, want := range []string{"POST /api/guest 201", "GET /api/guest/{sessionId} 200", "client user:match",
					"server user:matched", "client chat:message", "server chat:message", "server chat:message:delivered", "server room:user_joined"} {
					if d.seen[want] == 0 {
						t.Errorf("%s was never seen: %v", want, d.seen)
					}
				}
			})
		}
	}
}
