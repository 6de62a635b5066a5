package capacity

import (
	"strings"
	"testing"
	"time"
)

func TestWhatRanOutIsNamed(t *testing.T) {
	use := func(cores float64) Use { return Use{cores, true} }
	machine := func(of float64) Share { return Share{of, true} }
	for _, tt := range []struct {
		name    string
		verdict Verdict
		load    Load
		want    Resource
		words   string
	}{
		{"files, whatever else", Invalid, Load{Dropped: 3, Cores: 2, Loadgen: use(2)}, OpenFiles, "3 guests were dropped"},
		{"files of a dial", Broke, Load{NoFile: 9}, OpenFiles, "9 operations"},
		{"ports", Broke, Load{NoPort: 9, Cores: 2}, Ports, "9 operations"},
		{"memory", Broke, Load{Free: machine(0.01)}, Memory, "1.0 %"},
		{"generator", Invalid, Load{Cores: 2, Loadgen: use(1.8), Server: use(0.1), Machine: machine(1)}, GeneratorCPU, "the generator 1.80 cores"},
		{"machine, late", Invalid, Load{Cores: 2, Shared: true, Loadgen: use(0.9), Server: use(1.0), Machine: machine(0.97)}, MachineCPU, "elsewhere it may hold more"},
		{"machine, by a stranger", Invalid, Load{Cores: 2, Loadgen: use(0.2), Machine: machine(1)}, MachineCPU, "1.80 cores by other programs"},
		{"machine, half by a stranger", Invalid, Load{Cores: 2, Shared: true, Loadgen: use(0.5), Server: use(0.5), Machine: machine(0.87)}, MachineCPU, "0.74 cores by other programs"},
		{"lag", Invalid, Load{Cores: 2, Loadgen: use(0.2), Machine: machine(0.3), Lag: 80 * time.Millisecond}, GeneratorLag, "80ms late"},
		{"redis", Broke, Load{Cores: 8, Redis: use(0.99), Server: use(3)}, RedisCPU, "0.99 cores"},
		{"machine, valid", Broke, Load{Cores: 2, Shared: true, Loadgen: use(0.8), Server: use(1.1), Machine: machine(0.96)}, MachineCPU, "share the machine"},
		{"server", Broke, Load{Cores: 4, Shared: true, Loadgen: use(0.3), Server: use(3.5)}, ServerCPU, "the server 3.50"},
		{"one core", Broke, Load{Cores: 4, Shared: true, Server: use(1.02), Machine: machine(0.5)}, ServerCore, "1.02 cores"},
		{"one core elsewhere", Broke, Load{Cores: 1, Server: use(0.98)}, ServerCore, "0.98 cores"},
		{"elsewhere", Broke, Load{Cores: 2, Server: use(3.4), Machine: machine(0.2)}, WithinServer, "a lock, a queue"},
		{"within", Broke, Load{Cores: 2, Shared: true, Server: use(0.2), Machine: machine(0.4)}, WithinServer, "40 % of this machine's 2"},
		{"unknown", Broke, Load{Cores: 2}, WithinServer, "not known"},
	} {
		got, words := Exhausted(tt.verdict, tt.load)
		if got != tt.want || !strings.Contains(words, tt.words) {
			t.Errorf("%s: %s (%s), want %s and %q", tt.name, got, words, tt.want, tt.words)
		}
	}
}
