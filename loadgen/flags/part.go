package flags

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"guestload/results"
)

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// maxParts is how many generators can play one run.
const maxParts = 1000

// parsePart reads --run and --share, which go together, and need a target that all generators
// drive.
func parsePart(run, share, target string) (*results.Part, error) {
	const example = "for example --run evening --share 1/3 --target http://127.0.0.1:3000 at the first of three generators"
	k, n, isShare := strings.Cut(share, "/")
	p := results.Part{Run: run}
	var bad1, bad2 error
	p.Share, bad1 = strconv.Atoi(k)
	p.Of, bad2 = strconv.Atoi(n)
	switch {
	case run == "" || share == "":
		return nil, fmt.Errorf("--run and --share go together: %s", example)
	case !runName.MatchString(run):
		return nil, fmt.Errorf("--run %q: letters, digits, '.', '_' and '-', at most 64: %s", run, example)
	case !isShare || bad1 != nil || bad2 != nil || p.Of < 2 || p.Of > maxParts || p.Share < 1 || p.Share > p.Of:
		return nil, fmt.Errorf("--share %q: want K/N, the K-th of N generators, 1 to N of at most %d: %s", share, maxParts, example)
	case target == "":
		return nil, fmt.Errorf("--share without --target: several generators play one run against one target: %s", example)
	}
	return &p, nil
}
