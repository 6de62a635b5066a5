package proc

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFilesOfProcAreRead(t *testing.T) {
	stat := "4711 (a ) name) S 1 4711 4711 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 8 0 1000 900000 300 18446744073709551615"
	u, err := parseUsage([]byte(stat), []byte("5000 300 200 1 0 400 0"))
	if err != nil || u.CPU != 1750*time.Millisecond || u.Resident != 300*int64(os.Getpagesize()) {
		t.Errorf("%+v, %v", u, err)
	}
	m, err := parseMachine("cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 2 3\n", "MemTotal:       2000 kB\nMemFree: 1 kB\nMemAvailable:    500 kB\n")
	if err != nil || m != (Machine{Busy: 1800 * time.Millisecond, All: 10 * time.Second, Free: 500 << 10, Total: 2000 << 10}) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range [][2]string{{"", ""}, {"1 (x) S 1", "1 2"}, {stat, "1"}, {stat, "1 x"}} {
		if u, err := parseUsage([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q: %+v", bad, u)
		}
	}
	for _, bad := range [][2]string{{"", ""}, {"intr 1 2 3 4 5 6 7 8", ""}, {"cpu 1 2 3 4 5 6 7 x", ""}, {"cpu 1 2 3 4 5 6 7 8", "MemFree: 1 kB"}, {"cpu 1 2 3 4 5 6 7 8", "MemTotal: x kB"}} {
		if m, err := parseMachine(bad[0], bad[1]); err == nil {
			t.Errorf("%q: %+v", bad, m)
		}
	}
}

func TestThisProcessIsSeenToWork(t *testing.T) {
	before, err := Of(os.Getpid())
	if err != nil || before.Resident < 1<<20 {
		t.Fatalf("%+v, %v", before, err)
	}
	machine, err := Here()
	if err != nil || machine.Free <= 0 || machine.Free > machine.Total || machine.Busy > machine.All {
		t.Fatalf("%+v, %v", machine, err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for after := before; after.CPU < before.CPU+50*time.Millisecond; {
		if after, err = Of(os.Getpid()); err != nil || time.Now().After(deadline) {
			t.Fatalf("from %+v to %+v, %v", before, after, err)
		}
	}
	if later, err := Here(); err != nil || later.Busy <= machine.Busy {
		t.Errorf("from %+v to %+v, %v", machine, later, err)
	}
	if _, err := Of(1 << 30); err == nil {
		t.Error("a process that is not there has used something")
	}
}

func TestLimitsOfTheSystemAreRead(t *testing.T) {
	if n, err := parsePorts("32768\t60999\n"); err != nil || n != 28232 {
		t.Errorf("%d ports, %v", n, err)
	}
	for _, bad := range []string{"", "5", "a b", "9 8", "1 70000"} {
		if n, err := parsePorts(bad); err == nil {
			t.Errorf("%q: %d ports", bad, n)
		}
	}
	if n, err := Ports(); err != nil || n < 1 {
		t.Errorf("%d ports, %v", n, err)
	}
	root := t.TempDir()
	if left, limited := groupMemory(root); limited {
		t.Errorf("without a group %d are left", left)
	}
	for _, c := range []struct {
		most    string
		left    int64
		limited bool
	}{{"max\n", 0, false}, {"3000\n", 2000, true}, {"500\n", 0, true}} {
		for name, text := range map[string]string{"memory.max": c.most, "memory.current": "1000\n"} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if left, limited := groupMemory(root); left != c.left || limited != c.limited {
			t.Errorf("%q: %d, %v", c.most, left, limited)
		}
	}
}
