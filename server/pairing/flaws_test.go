package pairing

import (
	"testing"
	"time"
)

// planted are mistakes that were made in this protocol or in the one before, or that
// the simulator found in this one: each is to be found again.
var planted = []struct {
	flaw flaw
	was  string
}{
	{searchOutlivesSocket, "a search goes on when a newer socket takes over, on the same instance"},
	{endsBeforeMatcher, "the partner is told before the matcher, and meets a pair that is over when it searches"},
	{endUnnumbered, "the end of a pair overtakes what was said before it, and is not repeated"},
	{recordsForever, "a partner who was told of the end never leaves the matcher"},
	{keepsNoOrder, "early messages are delivered as they come"},
	{deliversTwice, "a message that comes twice is delivered twice"},
	{acceptsAnySearch, "a late match is taken for that of a new search"},
	{neverResends, "what is lost is lost"},
	{yieldsToOlder, "a late claim of an older socket closes the newer one"},
	{adoptsLate, "a guest is put back into its old chat without being told"},
	{forgetsMove, "the matcher has a guest where it no longer is"},
	{movesSilently, "nobody tells the partner's instance where a guest has gone"},
	{forgetsAvoid, "a guest meets the partner whom it has just left"},
	{beginsUnasked, "a guest is told of a match by the matcher's word alone"},
	{dissolvesSilently, "a match is undone, and its other guest waits for ever"},
	{asksNobody, "after an outage nobody asks whether the partners are still there"},
	{ignoresDeath, "the partners of a dead instance's guests are not told"},
	{remembersReplaced, "a guest who has moved stays online on the old instance"},
	{winsSilently, "presence has a guest on the instance that has lost it"},
	{trustsParted, "a pair that was restored after its end stays in the matcher"},
	{beginsLateUnrecorded, "a match that begins after an outage is not recorded"},
}

// limit is how much CPU time finding one may take.
const limit = time.Minute

func TestSimulatorFindsPlantedMistakes(t *testing.T) {
	for _, p := range planted {
		broken, rule, runs, steps, _, spent := search(1, p.flaw, limit)
		if broken == nil {
			t.Errorf("%s: not found in %d runs, %d steps", p.was, runs, steps)
			continue
		}
		t.Logf("%6.2fs %6d runs  %-24s %s", spent.Seconds(), runs, rule, p.was)
	}
}
