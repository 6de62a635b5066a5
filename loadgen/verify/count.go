package verify

// Count is how many breaches of all rules were found so far. What only the end
// of the run can show is not among them.
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
