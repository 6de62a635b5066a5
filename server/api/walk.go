package api

// walker goes through the items of one object or array and checks them on its
// way. Once next has returned false, i is the index behind the whole, or
// negative where something is wrong, as scanning functions return it.
type walker struct {
	b     []byte
	i     int
	depth int  // levels of nesting left for the items
	end   byte // '}' or ']'
	begun bool

	// The item of the moment, as indices: b[key:keyEnd] is an object's member's
	// name with its quotes, b[start:i] the value.
	key, keyEnd, start int
}

// walkObject begins a walk at b[i], which is to be a '{'.
func walkObject(b []byte, i, depth int) walker { return walk(b, i, depth, '{', '}') }

// walkArray begins a walk at b[i], which is to be a '['.
func walkArray(b []byte, i, depth int) walker { return walk(b, i, depth, '[', ']') }

func walk(b []byte, i, depth int, open, end byte) walker {
	if depth == 0 || i >= len(b) || b[i] != open {
		return walker{i: fail(i), end: 0}
	}
	return walker{b: b, i: i + 1, depth: depth - 1, end: end}
}

// next goes to the next item.
func (w *walker) next() bool {
	if w.end == 0 {
		return false
	}
	i := skipSpace(w.b, w.i)
	switch {
	case i >= len(w.b):
		return w.stop(fail(i))
	case w.b[i] == w.end:
		return w.stop(i + 1)
	case w.begun && w.b[i] != ',':
		return w.stop(fail(i))
	case w.begun:
		i = skipSpace(w.b, i+1)
	}
	w.begun = true
	if w.end == '}' {
		if i = w.scanKey(i); i < 0 {
			return w.stop(i)
		}
	}
	w.start = i
	if w.i = scanValue(w.b, i, w.depth); w.i < 0 {
		return w.stop(w.i)
	}
	return true
}

// scanKey passes a member's name and its colon, and returns where the value begins.
func (w *walker) scanKey(i int) int {
	if i >= len(w.b) || w.b[i] != '"' {
		return fail(i)
	}
	end := scanString(w.b, i)
	if end < 0 {
		return end
	}
	w.key, w.keyEnd = i, end
	colon := skipSpace(w.b, end)
	if colon >= len(w.b) || w.b[colon] != ':' {
		return fail(colon)
	}
	return skipSpace(w.b, colon+1)
}

// stop ends the walk at i.
func (w *walker) stop(i int) bool {
	w.i, w.end = i, 0
	return false
}

// name is the present member's, unescaped.
func (w *walker) name() []byte { return Value(w.b[w.key:w.keyEnd]).Text() }

// value is the present item.
func (w *walker) value() Value { return w.b[w.start:w.i:w.i] }

// finish checks that the text ends where the walk has ended.
func (w *walker) finish(text []byte) error {
	if w.i < 0 {
		return malformedAt(w.i)
	}
	if rest := skipSpace(text, w.i); rest < len(text) {
		return malformedAt(fail(rest))
	}
	return nil
}
