package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Action is what a fault does to a process.
type Action string

// The actions.
const (
	Kill   Action = "kill"   // ends it at once, as kill -9 does
	Freeze Action = "freeze" // stops it without ending it: connections stay, nothing answers
	Thaw   Action = "thaw"   // lets what is frozen go on
	Start  Action = "start"  // starts what was killed anew, empty
)

// Fault is an action that is injected at a moment of the run.
type Fault struct {
	At       time.Duration // since the run's start
	Action   Action
	Instance int // from 1; 0: Redis
	Line     int // in the file
}

// Victim names the process that the action is for, as scenarios write it.
func (f Fault) Victim() string {
	if f.Instance == 0 {
		return string(StorageRedis)
	}
	return fmt.Sprintf("instance %d", f.Instance)
}

func actions() []string {
	return []string{string(Kill), string(Freeze), string(Thaw), string(Start)}
}

func faultKeys() []string { return append([]string{"at"}, actions()...) }

// faults reads the list. What cannot come to pass, such as starting what runs, is
// a problem.
func (r *reading) faults(n *yaml.Node, s *Scenario) []Fault {
	var all []Fault
	ok := true
	for _, item := range r.items(n, "a list of faults") {
		f, whole := r.fault(item)
		ok = ok && whole
		all = append(all, f)
	}
	if !ok {
		return all
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return int(a.At - b.At) })
	state := newCondition(s.Server)
	for _, f := range all {
		at := &yaml.Node{Line: f.Line, Column: n.Column}
		if wrong := state.suffer(f); wrong != "" {
			r.problem(at, "%s", wrong)
			break
		}
		if end := s.Length(); f.At > end && end > 0 {
			r.problem(at, "at %v the phases are over, which last %v: add {pause: ...} for what should still be seen", f.At, end)
		}
	}
	return all
}

func (r *reading) fault(n *yaml.Node) (Fault, bool) {
	f := Fault{Line: n.Line}
	e, ok := r.mapping(n, "a fault", faultKeys())
	if !ok {
		return f, false
	}
	before := len(r.problems)
	if v := r.required(e, "a fault", "at"); v != nil {
		f.At, _ = parsed(r, v, "at", parseDuration)
	}
	given := slices.DeleteFunc(actions(), func(b string) bool { return !e.has(b) })
	switch {
	case len(given) > 1:
		r.problem(n, "found both %q and %q: a fault does one thing, so make them two", given[0], given[1])
	case len(given) == 1:
		f.Action = Action(given[0])
		f.Instance, _ = parsed(r, e.get(given[0]), given[0], parseVictim)
	case len(e.meant) == 0:
		r.problem(n, "nothing says what happens: a fault has one of %s, for example {at: 5s, kill: redis}", strings.Join(actions(), ", "))
	}
	return f, len(r.problems) == before && f.Action != ""
}

// parseVictim reads "redis", 0, or "instance 2".
func parseVictim(s string) (int, error) {
	if s == string(StorageRedis) {
		return 0, nil
	}
	number, ok := strings.CutPrefix(s, "instance ")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > MaxInstances {
		return 0, fmt.Errorf("it is redis, or instance 1 to instance %d", MaxInstances)
	}
	return n, nil
}

// CheckFaults returns why the faults cannot come to pass with these servers, nil
// where they can: where the needs of a scenario were changed.
func (s Scenario) CheckFaults() error {
	state := newCondition(s.Server)
	for _, f := range s.Faults {
		if wrong := state.suffer(f); wrong != "" {
			return fmt.Errorf("scenario %s, line %d: %w", s.Name, f.Line, errors.New(wrong))
		}
	}
	return nil
}

// condition is how the processes are between faults.
type condition struct {
	server Server
	redis  Action // the last one; "" while it runs
	dead   map[int]bool
}

func newCondition(s Server) *condition { return &condition{server: s, dead: map[int]bool{}} }

// suffer takes the next fault; the answer says why it cannot be, "" where it can.
func (c *condition) suffer(f Fault) string {
	if f.Instance > 0 {
		return c.sufferInstance(f)
	}
	if c.server.Storage != StorageRedis {
		return fmt.Sprintf("there is no Redis to %s: write server: {storage: redis}", f.Action)
	}
	was := c.redis
	allowed := map[Action][]Action{"": {Kill, Freeze}, Kill: {Start}, Freeze: {Thaw, Kill}}[was]
	if !slices.Contains(allowed, f.Action) {
		state := map[Action]string{"": "runs", Kill: "has been killed", Freeze: "is frozen"}[was]
		return fmt.Sprintf("at %v Redis %s: so it cannot %s", f.At, state, f.Action)
	}
	if c.redis = f.Action; f.Action == Thaw || f.Action == Start {
		c.redis = ""
	}
	return ""
}

func (c *condition) sufferInstance(f Fault) string {
	switch {
	case f.Action != Kill:
		return fmt.Sprintf("an instance can be killed, and %s is for redis", f.Action)
	case f.Instance > c.server.Instances:
		return fmt.Sprintf("there is no instance %d: the servers are %d", f.Instance, c.server.Instances)
	case c.dead[f.Instance]:
		return fmt.Sprintf("instance %d has been killed already", f.Instance)
	case len(c.dead)+1 == c.server.Instances:
		return "this kills the last instance: one must be left"
	}
	c.dead[f.Instance] = true
	return ""
}
