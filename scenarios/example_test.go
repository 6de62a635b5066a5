package scenarios_test

import (
	"fmt"

	"guestload/scenarios"
)

func ExampleParse() {
	s, err := scenarios.Parse("evening.yaml", []byte(`scenario: evening
about: guests meet and chat.
phases:
  - {name: rush, guests: 100, within: 10s}
guests:
  - script: chatter
    steps: [create, connect, search, {chat: {messages: 3}}, drop]
thresholds:
  - response(match) p99 < 2s
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name, s.Phases[0].Guests, "guests in", s.Phases[0].For)
	var kinds []scenarios.Kind
	for _, step := range s.Scripts[0].Steps {
		kinds = append(kinds, step.Kind)
	}
	fmt.Println(kinds)
	fmt.Println(s.Thresholds[0].Operation, s.Thresholds[0].Stat, s.Thresholds[0].Value)
	// Output:
	// evening 100 guests in 10s
	// [create connect search chat drop]
	// match p99 2000
}

// Errors name the file, the line, and what is right.
func ExampleParse_error() {
	_, err := scenarios.Parse("evening.yaml", []byte(`scenario: evening
about: guests meet and chat.
phases:
  - {name: rush, guest: 100, within: 10s}
guests:
  - {script: chatter, steps: [create, connect, search, chat, drop]}
`))
	fmt.Println(err)
	// Output:
	// evening.yaml:4:3: nobody arrives in these phases: one of them needs guests
	// evening.yaml:4:18: unknown key "guest" in a phase: did you mean "guests"?
}
