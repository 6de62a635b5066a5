package count

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestCountsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"thread 0 5\n":                 "cut off",
		"":                             "cut off",
		"thread 0 5\nbird 1 2\nend\n":  `line 2 of the counts is "bird 1 2": unknown kind`,
		"thread 0 many\nend\n":         "line 1",
		"thread\nend\n":                "want a kind, a name and a number",
		"syscall one 1\nend\n":         "line 1",
		"thread 0 -1\nend\n":           "line 1",
		"thread 0 5\nsyscall 1\nend\n": "line 2",
	} {
		file := filepath.Join(t.TempDir(), "counts")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := read(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "counts")
	if err := os.WriteFile(file, []byte("thread 0 5\nthread 1 1000\nthread 2 7\nsyscall 1 3\nsyscall 999 1\nfunction main.f[go.shape.int, x] 9\nend\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := Counts{12, map[string]uint64{"write": 3, "syscall-999": 1}, map[string]uint64{"main.f[go.shape.int, x]": 9}}
	if got, err := read(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := read(file); err == nil {
		t.Error("the file is still there")
	}
}

func TestStartingUpCancelsOut(t *testing.T) {
	short := Counts{Instructions: 1_000_100, Syscalls: map[string]uint64{"write": 3, "clock_gettime": 50, "mmap": 20}}
	long := Counts{Instructions: 1_001_100, Syscalls: map[string]uint64{"write": 43, "clock_gettime": 500, "mmap": 20, "read": 5}}
	want := Rates{"instructions/op": 100, "write/op": 4, "mmap/op": 0, "read/op": 0.5, "syscalls/op": 4.5}
	if got := perOp(short, long, 10); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFunctionsThatChangedMostComeFirst(t *testing.T) {
	// h changes too little to be told.
	side := func(f, g, h uint64) [2]Counts {
		return [2]Counts{{Functions: map[string]uint64{"f": 100, "g": 100}}, {Functions: map[string]uint64{"f": 100 + f, "g": 100 + g, "h": h}}}
	}
	got := Changed(side(1000, 1000, 0), side(1100, 500, 8), 10, 9)
	want := []Function{{"g", 100, 50}, {"f", 100, 110}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
