package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"guestload/results"
)

// Where the disk is full the report is printed, each missing file is named, and
// run.json, which needs the least, is there.
func TestAFullDiskLosesNoResult(t *testing.T) {
	t.Parallel()
	for _, kB := range []int{16, 64, 400} {
		t.Run(fmt.Sprint(kB, " kB"), func(t *testing.T) {
			t.Parallel()
			disk := t.TempDir()
			if !mountSmall(t, disk, kB) {
				return
			}
			dir := filepath.Join(disk, "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--out", dir, "--quiet")
			if !strings.Contains(out, "create") || !strings.Contains(out, "guests  8 planned: 8 completed") {
				t.Errorf("printed\n%s%s", out, errs)
			}
			b, err := os.ReadFile(filepath.Join(dir, results.RunFile))
			if _, bad := results.ReadJSON(bytes.NewReader(b)); err != nil || bad != nil {
				t.Errorf("run.json: %v, %v", err, bad)
			}
			missing := 0
			for line := range strings.Lines(errs) {
				if strings.HasPrefix(line, "loadgen: the record is incomplete: write "+dir+"/") && strings.HasSuffix(line, ": no space left on device\n") {
					missing++
				}
			}
			if kB < 100 && (missing == 0 || code == results.ExitPassed) || kB > 100 && missing > 0 {
				t.Errorf("exit code %d, %s", code, errs)
			}
			if half, _ := filepath.Glob(filepath.Join(dir, ".*")); len(half) > 0 {
				t.Errorf("left behind: %q", half)
			}
			if code, out, errs := invoke(t.Context(), "report", dir); kB == 64 && (code != results.ExitCouldNotRun || !strings.Contains(out, "8 completed")) {
				t.Errorf("report on what there is: exit code %d, %s\n%s", code, errs, out)
			}
		})
	}
}

// Its terminal is closed, or belongs to the foreground while it plays in the background.
func TestATerminalDoesNotKeepARunFromItsResult(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ scenario, shell string }{
		"closed":     {halfMinute, `exec "$@"`},
		"background": {pair, `stty tostop; set -m; "$@" & wait $!`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			master, slave := terminal(t)
			cmd := exec.Command("sh", "-c", tt.shell, "sh", exe, playAsLoadgen, "--scenario", scenarioFile(t, tt.scenario), "--out", dir)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
			cmd.Env = append(os.Environ(), "TERM=xterm")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			slave.Close()
			if name == "closed" {
				until(t, "a second is written", func() bool { return appended(dir) >= 1 })
				master.Close()
			} else {
				go func() { // reads what is shown
					for lines := bufio.NewScanner(master); lines.Scan(); {
					}
				}()
			}
			cmd.Wait()
			r := readRecord(t, dir)
			if code := cmd.ProcessState.ExitCode(); code != r.Outcome.ExitCode() || r.Interrupted != (name == "closed") {
				t.Errorf("%v, outcome %s, %+v", cmd.ProcessState, r.Outcome, r.Guests)
			}
		})
	}
}

// terminal opens a pseudo-terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// mountSmall mounts a file system of so many kB, until the test ends. Only root may:
// for everybody else TestALimitOnFilesLosesNoResult stands alone.
func mountSmall(t *testing.T, dir string, kB int) bool {
	t.Helper()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kB))
	if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
		t.Logf("mount a file system of %d kB: %v", kB, err)
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}
