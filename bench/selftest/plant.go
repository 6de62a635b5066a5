package selftest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A plant makes a tree worse in a known way: statements put at the beginning of
// a method, whatever else that has become.

// plantWork lets the server waste so many rounds of arithmetic on every event
// that a guest sends.
func plantWork(rounds int) func(dir string) error {
	return func(dir string) error {
		const file = `package realtime

import "sync/atomic"

var plantedSink atomic.Uint64

func planted(rounds int) {
	x := uint64(rounds)
	for i := range rounds {
		x = x*6364136223846793005 + uint64(i)
	}
	if x == 1 { // hardly ever: a store each time would cost more than a few rounds
		plantedSink.Store(x)
	}
}
`
		folder := filepath.Join(dir, "server", "realtime")
		if err := os.WriteFile(filepath.Join(folder, "planted.go"), []byte(file), 0o644); err != nil {
			return err
		}
		return insert(folder, "Client", "Handle", func(method) string { return fmt.Sprintf("planted(%d)", rounds) })
	}
}

// plantAllocation lets the server allocate once more on every event.
func plantAllocation(dir string) error {
	const file = `package realtime

import "sync/atomic"

var plantedGarbage atomic.Pointer[[64]byte]
`
	folder := filepath.Join(dir, "server", "realtime")
	if err := os.WriteFile(filepath.Join(folder, "planted.go"), []byte(file), 0o644); err != nil {
		return err
	}
	return insert(folder, "Client", "Handle", func(method) string { return "plantedGarbage.Store(new([64]byte))" })
}

// plantWrite lets the server write one byte to /dev/null more on every event.
func plantWrite(dir string) error {
	const file = `package realtime

import "os"

var plantedNull, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
`
	folder := filepath.Join(dir, "server", "realtime")
	if err := os.WriteFile(filepath.Join(folder, "planted.go"), []byte(file), 0o644); err != nil {
		return err
	}
	return insert(folder, "Client", "Handle", func(method) string { return `_, _ = plantedNull.WriteString("x")` })
}

// plantCacheMisses lets the server read a few words that no cache has on every event:
// hardly an instruction, and some hundred nanoseconds.
func plantCacheMisses(dir string) error {
	const file = `package realtime

import "sync/atomic"

var (
	plantedMemory = func() []uint32 { // each word names the next to be read, far away
		m := make([]uint32, 1<<25)
		for i := range m {
			m[i] = uint32(uint64(i)*2654435761+12345) & (1<<25 - 1)
		}
		return m
	}()
	plantedAt atomic.Uint32
)

func planted() {
	at := plantedAt.Load()
	for range 3 {
		at = plantedMemory[at&(1<<25-1)]
	}
	plantedAt.Store(at + 1)
}
`
	folder := filepath.Join(dir, "server", "realtime")
	if err := os.WriteFile(filepath.Join(folder, "planted.go"), []byte(file), 0o644); err != nil {
		return err
	}
	return insert(folder, "Client", "Handle", func(method) string { return "planted()" })
}

// plantCommand lets the server ask Redis once more for every new guest.
func plantCommand(dir string) error {
	return insert(filepath.Join(dir, "server", "store"), "RedisSessions", "Create", func(m method) string {
		return fmt.Sprintf("_, _ = %s.Get(%s, %s.SessionID)", m.receiver, m.params[0], m.params[1])
	})
}

// method is one that was found.
type method struct {
	receiver string
	params   []string
}

// insert puts a statement at the beginning of a method of a package.
func insert(folder, of, name string, statement func(method) string) error {
	names, err := fs.Glob(os.DirFS(folder), "*.go")
	if err != nil {
		return err
	}
	for _, file := range names {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		path := filepath.Join(folder, file)
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != name || f.Body == nil {
				continue
			}
			m, ok := methodOf(f, of)
			if !ok {
				continue
			}
			at := files.Position(f.Body.Lbrace).Offset + 1
			changed := string(source[:at]) + "\n\t" + statement(m) + string(source[at:])
			return os.WriteFile(path, []byte(changed), 0o644)
		}
	}
	return fmt.Errorf("%s: %w: (*%s).%s", folder, errNoMethod, of, name)
}

var errNoMethod = errors.New("no such method to plant something in")

// methodOf is what a function has for names, if it is a method of a pointer to
// the type.
func methodOf(f *ast.FuncDecl, of string) (m method, ok bool) {
	if f.Recv == nil || len(f.Recv.List) != 1 || len(f.Recv.List[0].Names) != 1 {
		return m, false
	}
	pointer, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return m, false
	}
	if name, ok := pointer.X.(*ast.Ident); !ok || name.Name != of {
		return m, false
	}
	m.receiver = f.Recv.List[0].Names[0].Name
	for _, p := range f.Type.Params.List {
		for _, name := range p.Names {
			m.params = append(m.params, name.Name)
		}
	}
	return m, true
}
