package scenarios

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maxFeed bounds a feed's file, in bytes.
const maxFeed = 64 << 20

func feedNames() []string { return []string{"usernames", "locations", "messages"} }

func feedKeys() []string { return []string{"file", "column", "values", "order"} }

// feeds reads the section; its keys are the plurals of what they fill.
func (r *reading) feeds(n *yaml.Node) map[string]Feed {
	e, ok := r.mapping(n, "feeds", feedNames())
	if !ok {
		return nil
	}
	all := map[string]Feed{}
	for _, key := range e.keys {
		fills := strings.TrimSuffix(key.Value, "s")
		if f, ok := r.feed(e.get(key.Value), fills); ok {
			all[fills] = f
		}
	}
	return all
}

func (r *reading) feed(n *yaml.Node, fills string) (Feed, bool) {
	e, ok := r.mapping(n, "a feed", feedKeys())
	if !ok {
		return Feed{}, false
	}
	var f Feed
	if v := e.get("order"); v != nil {
		word, _ := r.word(v, "an order", "sequence", "random")
		f.Random = word == "random"
	}
	switch {
	case e.has("file") == e.has("values"):
		r.problem(n, "a feed has either a file or values")
		return f, false
	case e.has("values") && e.has("column"):
		r.problem(e.get("column"), "column belongs to a file, not to values")
		return f, false
	case e.has("values"):
		return f, r.feedValues(e.get("values"), fills, &f)
	}
	if v := e.get("column"); v != nil {
		f.Column, _ = r.text(v, "the name of a column")
	}
	f.File, ok = r.text(e.get("file"), "the name of a file")
	return f, ok && r.feedFile(e.get("file"), fills, &f)
}

func (r *reading) feedValues(n *yaml.Node, fills string, f *Feed) bool {
	f.Values = r.texts(n, "a list of values")
	for i, v := range f.Values {
		value, err := feedValue(fills, v)
		if err != nil {
			r.problem(r.values(n)[i], "values: found %q: %v", shorten(v), err)
			return false
		}
		f.Values[i] = value
	}
	return len(f.Values) > 0
}

func (r *reading) feedFile(n *yaml.Node, fills string, f *Feed) bool {
	kind := strings.ToLower(filepath.Ext(f.File))
	switch {
	case !slices.Contains([]string{".csv", ".jsonl", ".ndjson", ".txt"}, kind):
		r.problem(n, "found the file %q: a feed is .csv, .jsonl, .ndjson (JSON lines) or .txt (a value a line)", shorten(f.File))
		return false
	case kind == ".csv" && f.Column == "":
		r.problem(n, "a CSV file needs the key \"column\": the name in its first line")
		return false
	case kind == ".csv" && fills == FeedLocation:
		r.problem(n, "locations are JSON lines, an object a line, such as {\"country\":\"France\",\"city\":\"Lyon\"}")
		return false
	case kind == ".txt" && f.Column != "":
		r.problem(n, "a .txt file has no columns")
		return false
	case r.open == nil:
		return true
	}
	source, err := r.open(f.File)
	if err == nil && len(source) > maxFeed {
		err = fmt.Errorf("%d bytes: at most %d", len(source), maxFeed)
	}
	if err == nil {
		f.Values, err = readFeed(kind, fills, f.Column, source)
	}
	if err != nil {
		r.problem(n, "the feed %s: %v", shorten(f.File), err)
		return false
	}
	return true
}

// readFeed returns the values of a file: errors name its line.
func readFeed(kind, fills, column string, source []byte) ([]string, error) {
	if name := otherEncoding(source); name != "" {
		return nil, errors.New(name)
	}
	if at := validUpTo(source); at < len(source) {
		return nil, fmt.Errorf("line %d: not UTF-8: the byte %#02x belongs to no character", bytes.Count(source[:at], []byte("\n"))+1, source[at])
	}
	source = withoutBlankEnd(bytes.TrimPrefix(source, []byte(byteOrderMark)))
	var all []string
	add := func(line int, v string) error {
		v, err := feedValue(fills, v)
		if err == nil && len(all) == maxCount {
			err = fmt.Errorf("more than %d values", len(all))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		all = append(all, v)
		return nil
	}
	read := readLines
	if kind == ".csv" {
		read = readCSV
	} else if kind != ".txt" {
		read = readJSONLines
	}
	if err := read(source, column, add); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no values in it")
	}
	return all, nil
}

// withoutBlankEnd cuts blank lines off the end.
func withoutBlankEnd(source []byte) []byte {
	end := len(bytes.TrimRight(source, " \t\r\n"))
	if at := bytes.IndexByte(source[end:], '\n'); at >= 0 && end > 0 {
		return source[:end+at+1]
	}
	return source[:end]
}

// feedValue checks one value; a location is compacted.
func feedValue(fills, v string) (string, error) {
	if strings.TrimSpace(v) == "" {
		return "", errors.New("an empty value")
	}
	if fills != FeedLocation {
		return v, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(v), &object); err != nil || object == nil {
		return "", errors.New("a location is a JSON object, such as {\"country\":\"France\",\"city\":\"Lyon\"}")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(v)); err != nil {
		return "", err
	}
	return compact.String(), nil
}

func readLines(source []byte, _ string, add func(line int, v string) error) error {
	lines := bufio.NewScanner(bytes.NewReader(source))
	lines.Buffer(nil, maxSource)
	for n := 1; lines.Scan(); n++ {
		if err := add(n, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func readCSV(source []byte, column string, add func(line int, v string) error) error {
	rows := csv.NewReader(bytes.NewReader(source))
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("no first line with the names of the columns: %w", err)
	}
	names := slices.Clone(head)
	at := slices.Index(names, column)
	if at < 0 {
		return fmt.Errorf("no column %q: %s", column, instead(column, names))
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: values found: %d, columns in the first line: %d (%s)", line, len(row), len(names), strings.Join(names, ", "))
		}
		if err != nil {
			return err
		}
		line, _ := rows.FieldPos(at)
		if err := add(line, row[at]); err != nil {
			return err
		}
	}
}

func readJSONLines(source []byte, column string, add func(line int, v string) error) error {
	return readLines(source, "", func(line int, text string) error {
		if column != "" {
			var object map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &object); err != nil || object[column] == nil {
				return fmt.Errorf("line %d: not a JSON object with the member %q", line, column)
			}
			text = string(object[column])
		}
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			return add(line, text)
		}
		var s string
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return fmt.Errorf("line %d: a value is a JSON string, or an object for a location", line)
		}
		return add(line, s)
	})
}
