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

// A plant makes a tree worse in a known way: statements put at the beginning of a method,
// wherever that is by now, and declarations in a file beside it.

// change edits the files of a tree.
type change = func(dir string) error

// inHandler plants in what handles an event of a guest.
func inHandler(declarations, statement string) change {
	return func(dir string) error {
		file, name, err := insert(filepath.Join(dir, "server"), "Client", "Handle", func(method) string { return statement })
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(filepath.Dir(file), "planted.go"), []byte("package "+name+"\n"+declarations), 0o644)
	}
}

// plantWork wastes so many rounds of arithmetic on every event.
func plantWork(rounds int) change {
	return inHandler(`
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
`, fmt.Sprintf("planted(%d)", rounds))
}

// plantCacheMisses reads so many words that no cache has on a thousand events: a dozen
// instructions an event, and some hundred nanoseconds a word.
func plantCacheMisses(thousandth int) change {
	return inHandler(`
import "sync/atomic"

var (
	plantedMemory = func() []uint32 { // each word names the next to be read, far away
		m := make([]uint32, 1<<25)
		for i := range m {
			m[i] = uint32(uint64(i)*2654435761+12345) & (1<<25 - 1)
		}
		return m
	}()
	plantedDue atomic.Uint64
	plantedAt  atomic.Uint32
)

func planted(thousandth uint64) {
	due := plantedDue.Add(thousandth)
	words := due/1000 - (due-thousandth)/1000
	if words == 0 {
		return
	}
	at := plantedAt.Load()
	for range words {
		at = plantedMemory[at&(1<<25-1)]
	}
	plantedAt.Store(at)
}
`, fmt.Sprintf("planted(%d)", thousandth))
}

// plantAllocation allocates once more on every event.
func plantAllocation(dir string) error {
	return inHandler("\nimport \"sync/atomic\"\n\nvar plantedGarbage atomic.Pointer[[64]byte]\n", "plantedGarbage.Store(new([64]byte))")(dir)
}

// plantWrite writes one byte to /dev/null more on every event.
func plantWrite(dir string) error {
	return inHandler("\nimport \"os\"\n\nvar plantedNull, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)\n", `_, _ = plantedNull.WriteString("x")`)(dir)
}

// plantCommand sends Redis one more command for every new guest.
func plantCommand(dir string) error {
	_, _, err := insert(filepath.Join(dir, "server", "store", "redis"), "Store", "Create", func(m method) string {
		return fmt.Sprintf("_, _ = %s.Get(%s, %s.SessionID)", m.receiver, m.params[0], m.params[1])
	})
	return err
}

// method is one that was found.
type method struct {
	receiver string
	params   []string
}

// insert puts a statement at the beginning of a method of some package below a folder, and
// returns the file and the package's name.
func insert(root, of, name string, statement func(method) string) (file, in string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "testdata" || d.Name() == "node_modules":
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		in, err = insertInto(path, of, name, statement)
		if err == nil {
			file = path
			return fs.SkipAll
		}
		if errors.Is(err, errNoMethod) {
			return nil
		}
		return err
	})
	if err == nil && file == "" {
		err = fmt.Errorf("%s: %w: (*%s).%s", root, errNoMethod, of, name)
	}
	return file, in, err
}

func insertInto(path, of, name string, statement func(method) string) (in string, err error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		return "", err
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
		return tree.Name.Name, os.WriteFile(path, []byte(changed), 0o644)
	}
	return "", errNoMethod
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
