// Package scenarios reads scenario files: who arrives when, what each guest
// does, and what must hold. Parsing is strict; shipped files are embedded.
package scenarios

import "time"

// Scenario is one parsed file, version 1 of the language.
type Scenario struct {
	Name       string
	About      string
	Seed       uint64
	Phases     []Phase   // of a search those of its first run
	Capacity   *Capacity // a search in place of phases; nil for none
	Scripts    []Script
	Thresholds []Threshold
	Feeds      map[string]Feed // by what they fill: FeedUsername, FeedLocation, FeedMessage
	Wire       Wire
	Server     Server  // of the servers that are started for the scenario
	Faults     []Fault // in the order of their moments
	Processes  int     // that play the guests, each its share; at least 1
	Source     []byte  // the file, as read
	Hash       string  // hex SHA-256 of Source
}

// Shape says how a phase's guests come.
type Shape uint8

// The shapes of a phase.
const (
	Rate   Shape = iota // From arrivals a second, throughout
	Ramp                // From rising or falling linearly To arrivals a second
	Burst               // Guests within For, or at the rate From
	Closed              // Guests at a time: the next starts when one has finished
	Pause               // nobody arrives
)

// Spacing says how arrivals of an open phase are spread.
type Spacing uint8

// The spacings.
const (
	Uniform Spacing = iota
	Poisson
)

// Phase is a stretch of the run.
type Phase struct {
	Name     string
	Shape    Shape
	From, To float64 // arrivals a second; To only of a Ramp, From of a Burst 0 where its time was given
	Guests   int     // of a Burst and of a Closed phase
	For      time.Duration
	Spacing  Spacing
	Record   bool // false: warm-up, played and verified but in no histogram
}

// Script is what one kind of guest does. A guest's script is drawn by weight.
type Script struct {
	Name    string
	Weight  float64
	Profile Traits // of its guests, so that preferences have somebody to meet
	Lost    Lost   // what its guests do when a fault killed the instance that they were connected to
	Steps   []Step
}

// Kind names a step.
type Kind string

// The steps.
const (
	Create    Kind = "create"
	Fetch     Kind = "fetch"
	Rename    Kind = "rename" // creates anew under another name where the backend has no renaming
	Locate    Kind = "locate"
	Connect   Kind = "connect"
	Search    Kind = "search"
	Chat      Kind = "chat"
	Idle      Kind = "idle"
	Next      Kind = "next" // leave, and search again
	Online    Kind = "online"
	Stats     Kind = "stats"
	Renew     Kind = "renew"
	Reconnect Kind = "reconnect"
	Drop      Kind = "drop"

	Wait    Kind = "wait"    // until a moment of the run that all guests share
	Deaf    Kind = "deaf"    // stay connected, and read nothing
	Hostile Kind = "hostile" // do what the server must refuse
	Speak   Kind = "speak"   // send a message after the chat has ended
)

// After says which end of a chat a guest speaks after.
type After string

// The ends of a chat.
const (
	Left    After = "left"    // the partner has left
	Leaving After = "leaving" // the guest itself has left
)

// Lost is what guests do whose instance a fault has killed.
type Lost string

// The ways to take the loss of an instance.
const (
	LostReconnect Lost = "reconnect" // open the socket anew, at another instance, and go on with the next step
	LostLeave     Lost = "leave"     // stay away: the guest's part is over
)

// How says in which way a guest drops.
type How string

// The ways to drop.
const (
	Clean    How = "clean"     // leave the chat, close the socket
	Abrupt   How = "abrupt"    // reset the connection
	HalfOpen How = "half-open" // fall silent, and never answer again
)

// Attacks returns what a hostile step can do.
func Attacks() []string { return []string{"names", "bodies", "frames", "tokens", "floods"} }

// Step is one step of a script. Fields that a kind does not use are zero.
type Step struct {
	Kind Kind
	Line int // in the file
	// Within is how long search and next wait for a partner and speak waits for the partner
	// to leave, and the time limit of a request or connection; 0: the generator's own limit.
	Within   time.Duration
	After    After         // speak
	Wants    Traits        // search, next: whom to meet
	Messages Draw          // chat: how many
	Think    Draw          // chat: before each message; every step but the first: before it. Seconds
	Length   Draw          // chat: UTF-16 units, 1..1000
	Typing   bool          // chat: typing events around each message
	For      Draw          // idle, deaf: seconds
	How      How           // drop
	Until    time.Duration // wait: since the run's start; a guest who is later goes on at once
	Begins   string        // wait: the phase that begins then, "" where the time was given
	At       float64       // wait: so many guests go on each second, in the order of their coming; 0: all at once
	Over     time.Duration // wait: until the last of them does, if there are as many as planned
	With     []string      // hostile: one of Attacks each; one is drawn
}

// Traits are what guests have, or want of others. Of each list one value is
// drawn, equally likely; an empty list: not said, or no preference.
type Traits struct {
	Language, Gender, Country []string
}

// What a feed fills: the keys of Scenario.Feeds.
const (
	FeedUsername = "username"
	FeedLocation = "location"
	FeedMessage  = "message"
)

// Feed supplies values from a file or a list: in order, beginning again at the
// end, or at random.
type Feed struct {
	File   string // as written; "" where the values stand in the scenario
	Column string // of a CSV file, or a member of JSON lines
	Random bool
	Values []string // text of usernames and messages; of locations compact JSON objects
}

// Wire maps the contract's names to those of another backend; empty maps
// change nothing.
type Wire struct {
	Paths  map[string]string
	Events map[string]string
}

// Distribution names a Draw's form.
type Distribution uint8

// The distributions.
const (
	Constant    Distribution = iota // A
	Range                           // uniform over [A, B]
	Exponential                     // mean A
	LogNormal                       // median A, sigma B (of the logarithm)
	List                            // one of Values, equally likely
)

// Draw is a number yet to be drawn: seconds for a time, else a count.
type Draw struct {
	Form   Distribution
	A, B   float64
	Values []float64
	Whole  bool    // a count: whole numbers are drawn, both ends of a range included
	Min    float64 // drawn values below are raised to Min
	Max    float64 // drawn values above are cut to Max; 0: no limit
}
