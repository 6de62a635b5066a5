package guest

import "github.com/valyala/fastjson"

// ParsePreferences reads {language?, gender?, country?}, whom a searcher would
// like to meet: texts of at most 50 characters, trimmed, where null and blank
// accept everybody. v itself may be nil or null for no preferences. An error is
// a ValidationError.
func ParsePreferences(v *fastjson.Value) (Preferences, error) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return Preferences{}, nil
	}
	var c checker
	object, err := v.Object()
	if err != nil {
		c.fail("preferences", "Preferences must be an object")
		return Preferences{}, c.err()
	}
	p := Preferences{
		Language: c.label("language", "Language", member(object, "language")),
		Gender:   c.label("gender", "Gender", member(object, "gender")),
		Country:  c.label("country", "Country", member(object, "country")),
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
