package session

import (
	"fmt"
	"strings"
	"time"

	"guestload/scenarios"
)

// rehearsed is how many messages of a chat are listed.
const rehearsed = 20

// Rehearse returns what the guest with this index would do, line by line, with everything
// that is drawn. It needs Scripts, Feeds and Seed of the Setting.
func Rehearse(s Setting, index int) []string {
	p := newPlayer(NewWorld(s), Guest{Index: index})
	lines := []string{fmt.Sprintf("guest %d plays %s%s", index, p.script.Name, text(p.traits, ", and is"))}
	for i := range p.script.Steps {
		step := &p.script.Steps[i]
		p.startStep(i + 1)
		line := fmt.Sprintf("%2d. %s", i+1, step.Kind)
		if s.Without[step.Kind] {
			lines = append(lines, line+" (left out)")
			continue
		}
		if i > 0 && step.Kind != scenarios.Chat {
			if think := step.Think.Duration(&p.random.Rand); think > 0 {
				line += fmt.Sprintf(" after %v", shown(think))
			}
		}
		line += p.rehearse(step)
		if step.Within > 0 {
			line += fmt.Sprintf(" within %v", step.Within)
		}
		lines = append(lines, line)
	}
	return lines
}

// Firsts returns for each script the first of so many guests who plays it, -1 if none does.
func Firsts(s Setting, guests int) []int {
	w := NewWorld(s)
	firsts, missing := make([]int, len(s.Scripts)), len(s.Scripts)
	for i := range firsts {
		firsts[i] = -1
	}
	for guest := 0; guest < guests && missing > 0; guest++ {
		d := newRandom(s.Seed, guest)
		script := w.script(d)
		for i := range s.Scripts {
			if &s.Scripts[i] == script && firsts[i] < 0 {
				firsts[i] = guest
				missing--
			}
		}
	}
	return firsts
}

// rehearse draws what the step would draw, in the same order.
func (p *player) rehearse(s *scenarios.Step) string {
	switch s.Kind {
	case scenarios.Create:
		if body := p.introduction(p.feed(scenarios.FeedUsername, 0)); body != nil {
			return " " + string(body)
		}
	case scenarios.Rename:
		return " as " + p.newName()
	case scenarios.Locate:
		return " at " + p.place()
	case scenarios.Search, scenarios.Next:
		return text(drawTraits(&p.random, s.Wants), " for")
	case scenarios.Wait:
		return fmt.Sprintf(" until %v", shown(p.released(s)))
	case scenarios.Hostile:
		kind, a := p.drawAttack(s)
		return fmt.Sprintf(" with %s: %s", kind, a.what)
	case scenarios.Speak:
		return " after " + string(s.After)
	case scenarios.Idle, scenarios.Deaf:
		return fmt.Sprintf(" for %v", shown(s.For.Duration(&p.random.Rand)))
	case scenarios.Drop:
		return " " + string(s.How)
	case scenarios.Chat:
		return p.rehearseChat(s)
	}
	return ""
}

func (p *player) rehearseChat(s *scenarios.Step) string {
	n := s.Messages.Count(&p.random.Rand)
	var b strings.Builder
	fmt.Fprintf(&b, " of %d messages:", n)
	for range min(n, rehearsed) {
		think := s.Think.Duration(&p.random.Rand)
		fmt.Fprintf(&b, " %v/%d", shown(think), s.Length.Count(&p.random.Rand))
	}
	if n > rehearsed {
		fmt.Fprintf(&b, " and %d more", n-rehearsed)
	}
	b.WriteString(" (think time/length)")
	return b.String()
}

func shown(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// text lists the traits behind a word, "" where there are none.
func text(t traits, word string) string {
	if t == (traits{}) {
		return ""
	}
	return word + " " + t.String()
}
