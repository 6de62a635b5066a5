package guest

import "bytes"

// AppendPublic appends what anybody may know of a location: country, region and
// time zone. city and coordinates become null, since they say where the guest is, and
// members that the contract does not name are left out, since they may too. It reads
// the object in one pass and allocates nothing: every fetch by a stranger and every
// item of a list takes it.
func (l Location) AppendPublic(dst []byte) []byte {
	if len(l) == 0 {
		return append(dst, "null"...)
	}
	from := 0 // what is still to be copied begins here
	for i := 1; i < len(l) && l[i] == '"'; {
		end := stringEnd(l, i) // of the name; a colon follows
		next := valueEnd(l, end+1)
		switch string(l[i:end]) {
		case `"country"`, `"region"`, `"timezone"`:
		case `"city"`, `"coordinates"`:
			dst = append(append(dst, l[from:end+1]...), "null"...)
			from = next
		default:
			dst = append(dst, l[from:i]...)
			if from = next + 1; l[next] == '}' {
				from = next
				if dst[len(dst)-1] == ',' {
					dst = dst[:len(dst)-1]
				}
			}
		}
		i = next + 1 // behind a comma, or the closing brace
	}
	return append(dst, l[from:]...)
}

// stringEnd returns the index behind the string that begins at l[i].
func stringEnd(l []byte, i int) int {
	for i++; i < len(l); {
		n := bytes.IndexByte(l[i:], '"')
		if n < 0 {
			return len(l)
		}
		slashes := 0
		for at := i + n - 1; at >= i && l[at] == '\\'; at-- {
			slashes++
		}
		i += n + 1
		if slashes%2 == 0 {
			return i
		}
	}
	return len(l)
}

// valueEnd returns the index behind the value that begins at l[i], which has no
// white space outside of strings.
func valueEnd(l []byte, i int) int {
	for depth := 0; i < len(l); {
		switch l[i] {
		case '"':
			i = stringEnd(l, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(l)
}
