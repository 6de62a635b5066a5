package page

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is headless Chromium, spoken to over a pipe in its DevTools protocol.
type browser struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	last    int
	session string
	told    []string // errors on the console, and what was fetched
}

// newBrowser starts Chromium; it is stopped when the test ends.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the page is tested in Chromium (Debian: apt-get install chromium): %v", err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--remote-debugging-pipe", "--user-data-dir="+home, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	// Nothing takes this long: a browser that hangs must not hang the test.
	limit := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		b.send("", "Browser.close", nil)
		_, _ = io.Copy(io.Discard, b.out) // until it has gone, so that its folder can be removed
		_ = cmd.Wait()
		limit.Stop()
		_ = errors.Join(in.Close(), out.Close())
	})
	if err := errors.Join(theirIn.Close(), theirOut.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// open shows an address in a new tab of this width, light or dark.
func (b *browser) open(address string, width int, scheme string) {
	b.t.Helper()
	var target struct{ TargetID string }
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session, b.told = attached.SessionID, nil
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(b.session, domain+".enable", nil, nil)
	}
	b.call(b.session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call(b.session, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call(b.session, "Page.navigate", map[string]any{"url": address}, nil)
	b.wait(`document.readyState === "complete" && location.href !== "about:blank"`)
	b.wait(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// wait asks until an expression is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if b.eval(expression) == true {
			return
		}
	}
	b.t.Fatalf("never true: %s", expression)
}

// eval is the value of an expression in the page.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	b.call(b.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails.Text)
	}
	return answer.Result.Value
}

// shoot writes pictures of the page, from top to bottom, named name-1.png and so on.
func (b *browser) shoot(name string) {
	b.t.Helper()
	const high = 1200
	width, height := b.eval("innerWidth").(float64), b.eval("document.documentElement.scrollHeight").(float64)
	for n := 0; float64(n*high) < height; n++ {
		clip := map[string]float64{"x": 0, "y": float64(n * high), "width": width, "height": min(high, height-float64(n*high)), "scale": 1}
		var shot struct{ Data string }
		b.call(b.session, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": clip}, &shot)
		png, err := base64.StdEncoding.DecodeString(shot.Data)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(fmt.Sprintf("%s-%d.png", name, n+1), png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *browser) send(session, method string, params any) int {
	b.last++
	message := map[string]any{"id": b.last, "method": method}
	if session != "" {
		message["sessionId"] = session
	}
	if params != nil {
		message["params"] = params
	}
	text, err := json.Marshal(message)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Errorf("chromium has gone: %v", err)
	}
	return b.last
}

// call sends a command and waits for its answer, noting what the page does meanwhile.
func (b *browser) call(session, method string, params, answer any) {
	b.t.Helper()
	id := b.send(session, method, params)
	for {
		text, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: chromium has gone: %v", method, err)
		}
		var message struct {
			ID     int
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &message); err != nil {
			b.t.Fatal(err)
		}
		b.note(message.Method, message.Params)
		if message.ID != id {
			continue
		}
		if message.Error != nil {
			b.t.Fatalf("%s: %s", method, message.Error.Message)
		}
		if answer != nil {
			if err := json.Unmarshal(message.Result, answer); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

func (b *browser) note(method string, params json.RawMessage) {
	switch method {
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
		b.told = append(b.told, fmt.Sprintf("%s: %s", method, params))
	case "Network.requestWillBeSent":
		var sent struct{ Request struct{ URL string } }
		if err := json.Unmarshal(params, &sent); err != nil {
			b.t.Fatal(err)
		}
		if !strings.HasPrefix(sent.Request.URL, "data:") {
			b.told = append(b.told, "fetched "+sent.Request.URL)
		}
	}
}
