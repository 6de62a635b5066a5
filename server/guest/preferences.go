package guest

import "guestload/server/jsonview"

// ParsePreferences reads {language?, gender?, country?}, whom a searcher would
// like to meet: texts of at most 50 characters, trimmed, where null and blank
// accept everybody. v itself may be nil or null for no preferences. An error is
// a ValidationError.
func ParsePreferences(v jsonview.Value) (Preferences, error) {
	if v.IsNull() {
		return Preferences{}, nil
	}
	var c checker
	if !v.IsObject() {
		c.fail("preferences", "Preferences must be an object")
		return Preferences{}, c.err()
	}
	member := v.Find("language", "gender", "country")
	p := Preferences{
		Language: c.label("language", "Language", member[0]),
		Gender:   c.label("gender", "Gender", member[1]),
		Country:  c.label("country", "Country", member[2]),
	}
	if err := c.err(); err != nil {
		return Preferences{}, err
	}
	return p, nil
}

// Traits are what other guests' preferences are compared with.
func (s *Session) Traits() Traits {
	return Traits{Language: s.Language, Gender: s.Gender, Country: s.Location.Country()}
}
