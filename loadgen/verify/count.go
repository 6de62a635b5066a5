package verify

// Count returns how many breaches of all rules were found so far, without those that only
// Finish can find.
func (v *Verifier) Count() int64 {
	t := &v.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	var n int64
	for _, found := range t.mu.entries {
		n += found.count
	}
	return n
}
