package crew

import (
	"encoding/gob"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/proc"
)

// Member is one of the processes, as the one that started it sees it.
type Member struct {
	cmd   *exec.Cmd
	leash io.WriteCloser // the process ends when this is closed, by us or by our death
	out   *gob.Encoder
	in    *gob.Decoder
	words tail
	ended sync.Once
	state string // how it ended
}

// Start starts a process that plays a share, and says which. What it needs of a
// machine it looks for itself; its first word is Ready, or it ends.
func Start(command []string, j Job) (*Member, error) {
	m := &Member{cmd: exec.Command(command[0], command[1:]...)}
	m.cmd.Stderr = &m.words
	m.cmd.Env = append(m.cmd.Environ(), proc.Share(j.Part.Of)...)
	detach(m.cmd)
	in, err := m.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process for %v: %w", j.Part, err)
	}
	out, err := m.cmd.StdoutPipe()
	if err == nil {
		err = m.cmd.Start()
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("start a process for %v: %w", j.Part, err)
	}
	m.leash, m.out, m.in = in, gob.NewEncoder(in), gob.NewDecoder(out)
	if err := m.out.Encode(j); err != nil {
		m.Kill()
		return nil, fmt.Errorf("start a process for %v: it ended at once: %s", j.Part, m.LastWords())
	}
	return m, nil
}

// Begin says when the run begins.
func (m *Member) Begin(epoch time.Time) error { return m.out.Encode(order{Epoch: epoch.UnixNano()}) }

// Wronged says for whom a rule was found broken, whoever plays them. It waits for a
// process that does not listen, until that has ended.
func (m *Member) Wronged(ids []string) error { return m.out.Encode(order{Wronged: ids}) }

// Next waits for the process's next word. The error is the end of the process, or
// that it cannot be understood.
func (m *Member) Next() (w Word, err error) { return w, m.in.Decode(&w) }

// PID is the process's number.
func (m *Member) PID() int { return m.cmd.Process.Pid }

// Leave has the process end its share early; it still says how that went.
func (m *Member) Leave() { m.leash.Close() }

// Kill ends the process at once.
func (m *Member) Kill() {
	m.cmd.Process.Kill()
	m.Wait()
}

// lastBreath is how long a process may take to end that has nothing to say any more.
const lastBreath = 5 * time.Second

// Wait returns when the process has ended, once Next has returned an error: soon
// after that it is made to. A second call does nothing.
func (m *Member) Wait() {
	m.ended.Do(func() {
		m.leash.Close()
		impatience := time.AfterFunc(lastBreath, func() { m.cmd.Process.Kill() })
		defer impatience.Stop()
		m.cmd.Wait() // its error is in the state
		m.state = m.cmd.ProcessState.String()
	})
}

// LastWords are how the process ended, and the end of what it complained of. It
// must have been waited for.
func (m *Member) LastWords() string {
	if words := m.words.String(); words != "" {
		return m.state + "; it said: " + words
	}
	return m.state
}

// tail keeps the end of what is written to it. Safe for concurrent use.
type tail struct {
	mu struct {
		sync.Mutex
		end []byte
	}
}

const tailKept = 2 << 10

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.end = append(t.mu.end, b...)
	if n := len(t.mu.end) - tailKept; n > 0 {
		t.mu.end = append([]byte(nil), t.mu.end[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.mu.end))
}
