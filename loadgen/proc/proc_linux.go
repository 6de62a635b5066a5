package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc's CPU times: USER_HZ, 100 a second on every
// architecture that Go knows.
const tick = 10 * time.Millisecond

// Of reads what a process of this machine has used.
func Of(pid int) (Usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Usage{}, err
	}
	statm, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return Usage{}, err
	}
	u, err := parseUsage(stat, statm)
	if err != nil {
		return Usage{}, fmt.Errorf("%s: %w", dir, err)
	}
	return u, nil
}

// parseUsage reads the files stat and statm; proc_pid_stat(5), proc_pid_statm(5).
func parseUsage(stat, statm []byte) (Usage, error) {
	// The second field is the program's name in parentheses, which may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	pages := strings.Fields(string(statm))
	if end < 0 || len(fields) < 13 || len(pages) < 2 {
		return Usage{}, errors.New("stat or statm is shorter than documented")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64) // utime, field 14
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	resident, err3 := strconv.ParseInt(pages[1], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Usage{}, err
	}
	return Usage{time.Duration(user+system) * tick, resident * int64(os.Getpagesize())}, nil
}

// Here reads what this machine has done. Where this process lives in a control
// group with a limit of memory, as in a container, no more is free than that leaves.
func Here() (Machine, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Machine{}, err
	}
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return Machine{}, err
	}
	m, err := parseMachine(string(stat), string(meminfo))
	if left, limited := groupMemory("/sys/fs/cgroup"); err == nil && limited {
		m.Free = min(m.Free, left)
	}
	return m, err
}

// groupMemory is what the limit of the control group mounted at root leaves;
// https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.
func groupMemory(root string) (left int64, limited bool) {
	for _, files := range [][2]string{{"memory.max", "memory.current"}, {"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"}} {
		most, err1 := readNumber(root + "/" + files[0])
		used, err2 := readNumber(root + "/" + files[1])
		if err1 == nil && err2 == nil {
			return max(most-used, 0), true
		}
	}
	return 0, false // "max", or no such group
}

func readNumber(file string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// Ports is how many ports one address has for connections that it opens to
// one other; ip(7), ip_local_port_range.
func Ports() (int, error) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, err
	}
	return parsePorts(string(text))
}

func parsePorts(text string) (int, error) {
	var first, last int
	if n, err := fmt.Sscan(text, &first, &last); n != 2 || last < first || first < 0 || last > 65535 {
		return 0, fmt.Errorf("ip_local_port_range: want two ports, found %q: %w", text, errors.Join(err, strconv.ErrRange))
	}
	return last - first + 1, nil
}

// parseMachine reads /proc/stat and /proc/meminfo; proc_stat(5), proc_meminfo(5).
// Time that other machines on the same iron took ("steal") is not free for us, and
// so counts as busy.
func parseMachine(stat, meminfo string) (Machine, error) {
	var m Machine
	first, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return m, errors.New("/proc/stat does not begin with the CPU time of all cores")
	}
	for i, text := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return m, fmt.Errorf("/proc/stat: %w", err)
		}
		m.All += time.Duration(n) * tick
		if i != 3 && i != 4 {
			m.Busy += time.Duration(n) * tick
		}
	}
	for line := range strings.Lines(meminfo) {
		name, rest, _ := strings.Cut(line, ":")
		to := map[string]*int64{"MemTotal": &m.Total, "MemAvailable": &m.Free}[name]
		if to == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return m, fmt.Errorf("/proc/meminfo: %w", err)
		}
		*to = kib << 10
	}
	if m.Total == 0 {
		return m, errors.New("/proc/meminfo has no MemTotal")
	}
	return m, nil
}
