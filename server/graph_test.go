package main

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers are the folders of the top level: what is in one imports what is in its own and in
// those before it.
var layers = []string{"server", "scenarios", "results", "loadgen", "bench"}

// upward are the packages that import the one above them, and why. No other does.
var upward = map[string]string{
	"results/compare":              "a comparison reads records, which need nothing of it",
	"server/realtime/realtimetest": "the contract of the ports lives with the package that uses them",
	"server/store/redis/broker":    "each kind of command uses the connection",
	"server/store/redis/matcher":   "each kind of command uses the connection",
	"server/store/redis/presence":  "each kind of command uses the connection",
	"server/store/redis/sessions":  "each kind of command uses the connection",
}

func TestImportsPointDownwards(t *testing.T) {
	components := map[string][]string{} // what each imports; a component is a folder within a layer, with all below
	used := map[string]bool{}
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			rest, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if slices.Index(layers, layerOf(rest)) > slices.Index(layers, layerOf(path)) {
				t.Errorf("%s imports %s: %s is below %s", path, rest, layerOf(path), layerOf(rest))
			}
			if strings.HasPrefix(path, rest+"/") {
				if used[path] = true; upward[path] == "" {
					t.Errorf("%s imports %s, the package above it: move what both need below, or state the reason", path, rest)
				}
			}
			if from, to := componentOf(path), componentOf(rest); from != to && !slices.Contains(components[from], to) {
				components[from] = append(components[from], to)
			}
		}
	}
	for path := range upward {
		if !used[path] {
			t.Errorf("%s imports nothing above it: take it off the list", path)
		}
	}
	if cycle := cycleIn(components); cycle != nil {
		t.Errorf("folders import each other: %s", strings.Join(cycle, " → "))
	}
}

func layerOf(path string) string {
	layer, _, _ := strings.Cut(path, "/")
	return layer
}

// componentOf is the folder below the top level that a package belongs to, such as
// server/store of server/store/redis.
func componentOf(path string) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// cycleIn returns a way from a node back to itself, nil where there is none.
func cycleIn(graph map[string][]string) []string {
	done := map[string]bool{}
	var way []string
	var visit func(node string) []string
	visit = func(node string) []string {
		if i := slices.Index(way, node); i >= 0 {
			return append(slices.Clone(way[i:]), node)
		}
		if done[node] {
			return nil
		}
		way = append(way, node)
		for _, next := range graph[node] {
			if cycle := visit(next); cycle != nil {
				return cycle
			}
		}
		way = way[:len(way)-1]
		done[node] = true
		return nil
	}
	for node := range graph {
		if cycle := visit(node); cycle != nil {
			return cycle
		}
	}
	return nil
}

func TestCyclesAreFound(t *testing.T) {
	if cycle := cycleIn(map[string][]string{"a": {"b", "c"}, "b": {"c"}, "c": nil}); cycle != nil {
		t.Errorf("found %v", cycle)
	}
	if cycle := cycleIn(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}); len(cycle) != 3 || cycle[0] != cycle[2] {
		t.Errorf("found %v", cycle)
	}
}

// The largest sizes. Lines are those of Go files without tests and without generated code.
const (
	packageLines = 2500
	mainLines    = 600
	typeMethods  = 60
)

// larger are the packages and types beyond them. Their numbers may only shrink.
var larger = map[string]int{
	"server/realtime":        4111,
	"scenarios":              3210,
	"loadgen/client":         2976,
	"loadgen/verify":         2840,
	"loadgen/session":        2744,
	"server/httpd":           2683,
	"server/pairing":         2583,
	"server/pairing.Machine": 83,
	"bench":                  629,
	"loadgen/session.player": 75,
	"server/realtime.Node":   125, // a room, which is to be cut into client side, pairing and the link between instances
}

// slack is by how much a size may be below its number in larger before that is lowered.
const slack = 100

func TestPackagesAndTypesStaySmall(t *testing.T) {
	seen := map[string]bool{}
	check := func(what string, size, most int) {
		number, known := larger[what]
		seen[what] = true
		switch {
		case !known && size > most:
			t.Errorf("%s has %d, at most %d: split it", what, size, most)
		case known && size > number:
			t.Errorf("%s has %d, more than the %d that it had: split it", what, size, number)
		case known && size <= most:
			t.Errorf("%s has %d, at most %d: take it off the list", what, size, most)
		case known && size < number-slack:
			t.Errorf("%s has %d, less than the %d on the list: lower that", what, size, number)
		}
	}
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		lines, methods, isMain := measure(t, filepath.Join("..", path))
		most := packageLines
		if isMain {
			most = mainLines
		}
		check(path, lines, most)
		for name, n := range methods {
			check(path+"."+name, n, typeMethods)
		}
	}
	for what := range larger {
		if !seen[what] {
			t.Errorf("%s is on the list, and is nowhere", what)
		}
	}
}

// measure counts the lines of a package, and the methods of its types, on all platforms.
func measure(t *testing.T, dir string) (lines int, methods map[string]int, isMain bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	methods = map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(parsed) {
			continue
		}
		for scanner := bufio.NewScanner(bytes.NewReader(source)); scanner.Scan(); {
			lines++
		}
		isMain = isMain || parsed.Name.Name == "main"
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	return lines, methods, isMain
}

// receiver names the type of a method.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
