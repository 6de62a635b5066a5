package page

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"guestload/results"
	"guestload/results/series"
)

var shots = flag.String("shots", "", "write pictures of the pages into this folder")

func TestThePageShowsARunInABrowserWithoutANetwork(t *testing.T) {
	b := newBrowser(t)
	for _, c := range []struct {
		name   string
		page   Page
		charts int // five operations twice, four of the timeline, and two of usage
	}{
		{"passed", sample(t), 16},
		{"hostile", hostile(t), 16},
		{"search", searchedPage(t), 17},
		{"nothing", Page{Run: results.Run{Record: results.Record{Scenario: "burst", Outcome: results.Invalid, Invalid: []string{"no guests were planned"}}}}, 0},
	} {
		path := filepath.Join(t.TempDir(), File)
		if err := Write(filepath.Dir(path), c.page); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{400, 1200} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprint(c.name, "-", width, "-", scheme), func(t *testing.T) {
					b.t = t
					address := "file://" + path
					b.open(address, width, scheme)
					checkPage(t, b, width, c.charts)
					if want := []string{"fetched " + address}; !slices.Equal(b.told, want) {
						t.Errorf("the page said and fetched\n%s", strings.Join(b.told, "\n"))
					}
					if title := fmt.Sprint(b.eval("document.title")); strings.HasPrefix(title, "broken out") {
						t.Error("text of the scenario was run")
					}
					if *shots != "" {
						if err := os.MkdirAll(*shots, 0o755); err != nil {
							t.Fatal(err)
						}
						b.shoot(filepath.Join(*shots, filepath.Base(t.Name())))
					}
				})
			}
		}
	}
	b.t = t
}

// checkPage checks what holds for every page: its charts have ink, nothing is
// wider than the window, and every table and heading is named.
func checkPage(t *testing.T, b *browser, width, charts int) {
	t.Helper()
	if got := b.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"); got != 0.0 {
		t.Errorf("the page is %v px wider than a window of %d", got, width)
	}
	wide := `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest("thead")).map(e => e.tagName + " " + e.className).slice(0, 5).join(", ")`
	if got := b.eval(wide); got != "" {
		t.Errorf("beyond the edge: %v", got)
	}
	drawn := `[...document.querySelectorAll("canvas")].filter(c => {
		const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", { willReadFrequently: true }), seen = new Set();
		copy.drawImage(c, 0, 0);
		const d = copy.getImageData(0, 0, c.width, c.height).data;
		for (let i = 0; i < d.length; i += 4) if (d[i + 3]) seen.add(d[i] + "," + d[i + 1] + "," + d[i + 2]);
		return seen.size > 3;
	}).length`
	if got := b.eval(drawn); got != float64(charts) {
		t.Errorf("%v charts have ink, want %d", got, charts)
	}
	unnamed := `[...document.querySelectorAll("[role=img]:not([aria-label]), th:not([scope]), section:not([aria-labelledby])")].length
		+ [...document.querySelectorAll("[aria-labelledby]")].filter(e => !document.getElementById(e.getAttribute("aria-labelledby"))).length
		+ (document.querySelectorAll("h1").length - 1)`
	if got := b.eval(unnamed); got != 0.0 {
		t.Errorf("%v charts, sections or headers without a name", got)
	}
}

func TestAPageIsMadeAgainFromItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	p := sample(t)
	if err := results.Write(dir, p.Run); err != nil {
		t.Fatal(err)
	}
	bare, err := Read(dir)
	if err != nil || len(bare.Scenario) > 0 || len(bare.Usage) > 0 {
		t.Errorf("without a page: %q, %v, %v", bare.Scenario, bare.Usage, err)
	}
	if err := Write(dir, p); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Scenario) != scenarioSource || !reflect.DeepEqual(again.Usage, p.Usage) {
		t.Errorf("got %q and %v", again.Scenario, again.Usage)
	}
	if err := Write(dir, again); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the page made again differs")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for _, damaged := range []string{"", "<html>", string(dataBegins) + "{", string(dataBegins) + "{\"rows\":1}</script>"} {
		if err := os.WriteFile(filepath.Join(dir, File), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), File) {
			t.Errorf("%q: got %v", damaged, err)
		}
	}
}

func TestTheVerdictIsToldInWords(t *testing.T) {
	record := sample(t).Run.Record
	broken := record
	broken.Thresholds = []results.ThresholdResult{{Expression: "response(create) p99 < 2ms", Observed: "2.9ms"}, {Expression: "violations == 0", Observed: "0", Passed: true}}
	broken.Outcome = results.ThresholdsFail
	for _, c := range []struct {
		record results.Record
		word   string
		want   string
	}{
		{record, "Passed", "All 6 thresholds held. No violations were seen."},
		{broken, "Failed", "1 of 2 thresholds broken: response(create) p99 < 2ms, observed 2.9ms. No violations were seen."},
		{hostile(t).Run.Record, "Violated", "2 rules of the contract broken, 8 times. 3 of 4 thresholds broken. The numbers are unreliable:"},
		{results.Record{}, "No verdict", "Nothing was judged: the scenario has no thresholds. No violations were seen."},
		{results.Record{Outcome: results.Unjudged}, "Not judged", "Nothing was judged: the scenario has no thresholds. No violations were seen."},
		{results.Record{Outcome: results.ThresholdsFail, Undone: []string{"no guest completed"}}, "Failed", "No guest completed. Nothing was judged: the scenario has no thresholds."},
	} {
		if v := view(c.record, nil); v.Verdict != c.word || v.Because != c.want {
			t.Errorf("%s: %s", v.Verdict, v.Because)
		}
	}
}

func TestFaultsAndEachServerAreTold(t *testing.T) {
	v := view(hostile(t).Run.Record, nil)
	var told []string
	for _, f := range v.Faults {
		told = append(told, strings.Join([]string{f.At, f.Name[:10], f.Seen}, "|"))
	}
	for _, p := range v.Resources {
		told = append(told, p.Process+"|"+p.CPU)
	}
	want := []string{
		"4.0 s|kill redis|served without it after 732ms", "4.2 s|start redi|–",
		"12.0 s|kill insta|in no count after 732ms, 1,200 guests cut off, 1,100 came back",
		"2 servers|9.10 s", "server 1|4.20 s", "server 2|4.90 s", "redis|1.90 s", "loadgen|5.20 s",
	}
	if got := strings.Split(strings.ReplaceAll(strings.Join(told, "\n"), "\u00a0", " "), "\n"); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if v := view(sample(t).Run.Record, nil); len(v.Faults) != 0 || len(v.Resources) != 3 {
		t.Errorf("without faults: %+v, %+v", v.Faults, v.Resources)
	}
	marks := hostile(t).data().Faults
	if len(marks) != 3 || marks[1] != (faultAt{4.2, "start", "start redis"}) {
		t.Errorf("marks: %+v", marks)
	}
}

func TestLatenciesAreWrittenWithASpace(t *testing.T) {
	for ms, want := range map[float64]string{0: "0 ms", 0.42: "420 µs", 3.1: "3.1 ms", 215: "215 ms", 1980: "1.98 s", 725_000: "12m5s"} {
		if got := strings.ReplaceAll(latency(ms), "\u00a0", " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLongRunsHaveSeveralSecondsToAPoint(t *testing.T) {
	var p Page
	times := series.NewTimes()
	if err := times.Response.RecordValues(2_000, 10); err != nil {
		t.Fatal(err)
	}
	slow := series.NewTimes()
	if err := slow.Response.RecordValues(9_000, 90); err != nil {
		t.Fatal(err)
	}
	for s := range 2*pointsKept + 1 {
		second := series.Second{Second: s, Phase: "soak", Arrived: int64(s % 3), Live: int64(s), Operations: map[string]*series.Times{"create": times}}
		if s%3 == 2 {
			second.Operations["create"] = slow
		}
		p.Run.Seconds = append(p.Run.Seconds, second)
		p.Usage = append(p.Usage, Spent{Second: s, Of: map[string]Use{"server": {Cores: float64(s % 3), MemoryMB: 100}}})
	}
	d := p.data()
	if d.Every != 3 || len(d.Rows) != 1201 || len(d.Usage) != 1201 {
		t.Fatalf("every %d: %d rows, %d of usage", d.Every, len(d.Rows), len(d.Usage))
	}
	r := d.Rows[1]
	if r.Second != 3 || r.Arrived != 1 || r.Live != 5 || *r.Ops["create"][0] != 110 || *r.Ops["create"][2] < 9 || d.Usage[1].Of["server"].Cores != 1 {
		t.Errorf("got %+v, %+v", r, d.Usage[1])
	}
}

func TestACurveEndsWhereThereAreNoMoreSamples(t *testing.T) {
	times := series.NewTimes()
	for us := int64(1); us <= 1000; us++ {
		for _, h := range []*series.Histogram{times.Response, times.Service} {
			if err := h.RecordValue(us); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := newCurve(times)
	last := len(c.X) - 1
	if len(c.X) != 37 || c.X[0] != 1 || c.X[12] != 10 || c.X[last] != 1000 {
		t.Errorf("x: %v", c.X)
	}
	if c.Response[0] != 0.001 || c.Response[12] != 0.9 || c.Response[24] != 0.99 || c.Service[last] != 1 {
		t.Errorf("response: %v", c.Response)
	}
}

func FuzzReadData(f *testing.F) {
	f.Add("<html>" + string(dataBegins) + `{"every":1,"usage":[{"second":3,"of":{"server":{"cpu":1,"mb":2}}}],"scenario":"x"}` + string(dataEnds))
	f.Add(string(dataBegins) + "null" + string(dataEnds))
	f.Fuzz(func(t *testing.T, html string) {
		d, err := readData([]byte(html))
		if err != nil {
			return
		}
		p := Page{Scenario: []byte(d.Scenario), Usage: d.Usage}
		var b bytes.Buffer
		if err := Render(&b, p); err != nil {
			t.Fatal(err)
		}
		again, err := readData(b.Bytes())
		if err != nil || len(again.Usage) > len(d.Usage) || again.Scenario != d.Scenario {
			t.Errorf("%v: %d of usage, was %d; scenario %q, was %q", err, len(again.Usage), len(d.Usage), again.Scenario, d.Scenario)
		}
	})
}

func TestOneStoryOfARuleIsOpen(t *testing.T) {
	rows := violations([]results.Violation{
		{Rule: "release", Count: 7, Examples: []string{"one", "two", "three"}, Consequences: []results.Consequence{{Rule: "message-lost", Count: 1200}}},
		{Rule: "room-id", Count: 1, Examples: []string{"only"}},
		{Rule: "leftovers", Count: 2}, {Rule: "unique-id"},
	})
	want := []violation{
		{Rule: "release", Times: "7 times", More: "and 4 more", First: "one", Stories: []string{"two", "three"}, Further: "2 further examples",
			Contract: "server/CONTRACT.md#rule-4", Followed: "message-lost 1,200"},
		{Rule: "room-id", Times: "1 time", First: "only", Contract: "server/CONTRACT.md#server-user-matched"},
		{Rule: "leftovers", Times: "2 times", Contract: "server/CONTRACT.md#rule-8"},
	}
	for i := range want {
		if i >= len(rows) || rows[i].First != want[i].First || rows[i].Times != want[i].Times || rows[i].More != want[i].More ||
			rows[i].Contract != want[i].Contract || rows[i].About == "" || rows[i].Followed != want[i].Followed ||
			!slices.Equal(rows[i].Stories, want[i].Stories) || len(rows[i].Stories) > 0 && rows[i].Further != want[i].Further {
			t.Errorf("got %+v, want %+v", rows, want)
			break
		}
	}
}

// The canvas keeps how the axes aligned their words: a phase's name begins at its
// line all the same, also when a chart is drawn again.
func TestPhasesAreNamedWhereTheyBegin(t *testing.T) {
	b := newBrowser(t)
	path := filepath.Join(t.TempDir(), File)
	p := sample(t)
	if err := Write(filepath.Dir(path), p); err != nil {
		t.Fatal(err)
	}
	b.open("file://"+path, 1200, "light")
	b.eval(`(() => {
		const fill = CanvasRenderingContext2D.prototype.fillText;
		window.drawn = [];
		CanvasRenderingContext2D.prototype.fillText = function (words, ...at) {
			drawn.push([words, this.textAlign, this.textBaseline].join(" "));
			return fill.call(this, words, ...at);
		};
	})()`)
	b.call(b.session, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	name := p.Run.Seconds[len(p.Run.Seconds)/2].Phase
	b.wait(fmt.Sprintf(`drawn.some(words => words.startsWith(%q))`, name+" "))
	if got := b.eval(fmt.Sprintf(`drawn.filter(words => words.startsWith(%q) && !words.endsWith(" left top")).join(", ")`, name+" ")); got != "" {
		t.Errorf("drawn as %v", got)
	}
}
