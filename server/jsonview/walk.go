package jsonview

// Walker goes through the items of one object or array and checks them on its
// way. Once Next has returned false, Finish says whether all was right.
type Walker struct {
	b     []byte
	i     int  // what is read next; after the last item the index behind the whole, or negative as scanning functions return it
	depth int  // levels of nesting left for the items
	end   byte // '}' or ']'
	begun bool

	// The item of the moment, as indices: b[key:keyEnd] is an object's member's
	// name with its quotes, b[start:i] the value.
	key, keyEnd, start int
}

// WalkObject begins a walk at the first byte of text that is no white space, which is to be
// a '{'. The text is UTF-8.
func WalkObject(text []byte) Walker { return walkObject(text, skipSpace(text, 0), MaxDepth) }

// WalkArray begins a walk at the first byte of text that is no white space, which is to be
// a '['. The text is UTF-8.
func WalkArray(text []byte) Walker { return walkArray(text, skipSpace(text, 0), MaxDepth) }

// walkObject begins a walk at b[i], which is to be a '{'.
func walkObject(b []byte, i, depth int) Walker { return walk(b, i, depth, '{', '}') }

// walkArray begins a walk at b[i], which is to be a '['.
func walkArray(b []byte, i, depth int) Walker { return walk(b, i, depth, '[', ']') }

func walk(b []byte, i, depth int, open, end byte) Walker {
	if depth == 0 || i >= len(b) || b[i] != open {
		return Walker{i: fail(i), end: 0}
	}
	return Walker{b: b, i: i + 1, depth: depth - 1, end: end}
}

// Next goes to the next item.
func (w *Walker) Next() bool {
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
func (w *Walker) scanKey(i int) int {
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
func (w *Walker) stop(i int) bool {
	w.i, w.end = i, 0
	return false
}

// Name is the present member's, unescaped.
func (w *Walker) Name() []byte { return Value(w.b[w.key:w.keyEnd]).Text() }

// Find goes through the members that are left, and returns the values of those with the
// names, in the order of the names: the last of a name, nil where there is none.
func (w *Walker) Find(names ...string) (values Found) {
	for w.Next() {
		name := w.Name()
		for i, wanted := range names {
			if string(name) == wanted {
				values[i] = w.Value()
			}
		}
	}
	return values
}

// Found are the values of at most five members.
type Found [5]Value

// Value is the present item.
func (w *Walker) Value() Value { return w.b[w.start:w.i:w.i] }

// Finish checks that the walk went through text to its end. Errors are a *SyntaxError.
func (w *Walker) Finish(text []byte) error { return finish(text, w.i) }
