package results

import "strconv"

// FormatCount writes 1234567 as 1,234,567.
func FormatCount[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(digits) - 3; i > from; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// FormatCounted writes "1 guest" and "2,000 guests"; word is of one.
func FormatCounted[N int | int64](n N, word string) string {
	if n != 1 {
		word += "s"
	}
	return FormatCount(n) + " " + word
}
