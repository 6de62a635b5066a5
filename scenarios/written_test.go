package scenarios

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

const plainScenario = "scenario: plain\nabout: As people write it.\nphases:\n  - {guests: 2, within: 1s}\nguests:\n  - script: visitor\n    steps: [create, connect, drop]\n"

// asUTF16 encodes text with a byte order mark.
func asUTF16(text string, order binary.ByteOrder) string {
	b := make([]byte, 2)
	order.PutUint16(b, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		u := make([]byte, 2)
		order.PutUint16(u, unit)
		b = append(b, u...)
	}
	return string(b)
}

func TestScenariosAsEditorsWriteThem(t *testing.T) {
	crlf := strings.ReplaceAll(plainScenario, "\n", "\r\n")
	for name, text := range map[string]string{
		"as it is":                    plainScenario,
		"with a byte order mark":      "\ufeff" + plainScenario,
		"with CRLF":                   crlf,
		"with both":                   "\ufeff" + crlf,
		"after ---":                   "---\n" + plainScenario,
		"after a mark and ---":        "\ufeff---\r\n" + crlf,
		"between --- and ...":         "---\n" + plainScenario + "...\n",
		"with %YAML 1.2":              "%YAML 1.2\n---\n" + plainScenario,
		"with %YAML 1.1":              "%YAML 1.1\n---\n" + plainScenario,
		"with %YAML, CRLF and a mark": "\ufeff%YAML 1.2\r\n---\r\n" + crlf + "...\r\n",
		"after a comment and %YAML":   "# mine\n%YAML 1.2\n--- # begin\n" + plainScenario,
		"with --- at the end":         plainScenario + "---\n",
		"with blank lines":            "\n\n" + plainScenario + "\n \n\t\n\n",
		"with a comment at the end":   plainScenario + "# end",
		"without a last line break":   strings.TrimSuffix(plainScenario, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse("mine.yaml", []byte(text))
			if err != nil || s.Name != "plain" || len(s.Scripts) != 1 {
				t.Errorf("%+v, %v", s.Name, err)
			}
			if string(s.Source) != text {
				t.Error("the source is not kept as it was")
			}
		})
	}
}

func TestOtherEncodingsAreNamed(t *testing.T) {
	folder := t.TempDir()
	for name, encoded := range map[string]string{
		"UTF-16, little end first": asUTF16(plainScenario, binary.LittleEndian),
		"UTF-16, big end first":    asUTF16(plainScenario, binary.BigEndian),
		"UTF-16 without a mark":    asUTF16(plainScenario, binary.LittleEndian)[2:],
		"UTF-16, a mark alone":     "\xff\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("mine.yaml", []byte(encoded))
			if err == nil || !strings.Contains(err.Error(), "UTF-16") || !strings.Contains(err.Error(), "save it as UTF-8") {
				t.Errorf("a scenario: %v", err)
			}
			for _, kind := range []string{".txt", ".csv", ".jsonl"} {
				if _, err := readFeed(kind, FeedUsername, "a", []byte(encoded)); err == nil || !strings.Contains(err.Error(), "UTF-16") {
					t.Errorf("a feed %s: %v", kind, err)
				}
			}
		})
	}
	if err := os.WriteFile(filepath.Join(folder, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, text := range map[string]string{".txt": "Anna\nRen\xe9\n", ".csv": "a\nAnna\nRen\xe9\n", ".jsonl": "{\"a\":\"Anna\"}\n{\"a\":\"Ren\xe9\"}\n"} {
		column := "a"
		if kind == ".txt" {
			column = ""
		}
		_, err := readFeed(kind, FeedUsername, column, []byte(text))
		if err == nil || !strings.Contains(err.Error(), "not UTF-8") {
			t.Errorf("Latin-1 in %s: %v", kind, err)
		}
	}
}

func TestFeedsAsEditorsWriteThem(t *testing.T) {
	for kind, text := range map[string]string{
		".txt":    "Anna\nBen\n",
		".csv":    "id,name\n1,Anna\n2,Ben\n",
		".jsonl":  "{\"name\":\"Anna\"}\n{\"name\":\"Ben\"}\n",
		".ndjson": "\"Anna\"\n\"Ben\"\n",
	} {
		for change, changed := range map[string]string{
			"as it is":               text,
			"without a last break":   strings.TrimSuffix(text, "\n"),
			"with a blank line":      text + "\n",
			"with blank lines":       text + "\n  \n\t\n\n",
			"with CRLF":              strings.ReplaceAll(text, "\n", "\r\n"),
			"with CRLF and blanks":   strings.ReplaceAll(text+"\n\n", "\n", "\r\n"),
			"with a byte order mark": "\ufeff" + text,
			"with all of them":       "\ufeff" + strings.ReplaceAll(text+"\n \n", "\n", "\r\n"),
		} {
			column := "name"
			if kind == ".txt" || kind == ".ndjson" {
				column = ""
			}
			values, err := readFeed(kind, FeedUsername, column, []byte(changed))
			if err != nil || strings.Join(values, ",") != "Anna,Ben" {
				t.Errorf("%s %s: %q, %v", kind, change, values, err)
			}
		}
	}
	if _, err := readFeed(".txt", FeedUsername, "", []byte("Anna\n\nBen\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a blank line between values: %v", err)
	}
	if _, err := readFeed(".txt", FeedUsername, "", []byte("\ufeff\r\n \r\n")); err == nil || !strings.Contains(err.Error(), "no values") {
		t.Errorf("blank lines alone: %v", err)
	}
}
