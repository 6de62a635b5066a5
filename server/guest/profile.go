package guest

import (
	"strings"
	"time"

	"guestload/server/jsonview"
)

// Profile is what a guest says about themselves. Fields names what the body
// mentioned, null included; the others are to keep their values.
type Profile struct {
	Username string // "" where a name is to be generated
	Location Location
	Gender   string
	Language string
	Fields   Field
}

// ParseProfile reads the body of POST /api/guest: {username?, location?,
// gender?, language?}, each of which may be null; unknown members are ignored,
// and the body may be empty. A blank username is none. Errors wrap ErrMalformed,
// or are a ValidationError with every field that breaks a rule.
func ParseProfile(body []byte) (Profile, error) {
	return parseProfile(body, true)
}

// ParseProfileUpdate reads the body of POST /api/guest/location: as
// ParseProfile, but a username in it is ignored.
func ParseProfileUpdate(body []byte) (Profile, error) {
	return parseProfile(body, false)
}

func parseProfile(body []byte, named bool) (Profile, error) {
	o, err := parseObject(body, "username", "location", "gender", "language")
	if err != nil {
		return Profile{}, err
	}
	var (
		p Profile
		c checker
	)
	if v := o[0]; v != nil && named {
		if p.Username = c.username(v); p.Username != "" {
			p.Fields |= FieldUsername
		}
	}
	if v := o[1]; v != nil {
		p.Location = c.location(v)
		p.Fields |= FieldLocation
	}
	if v := o[2]; v != nil {
		p.Gender = c.label("gender", "Gender", v)
		p.Fields |= FieldGender
	}
	if v := o[3]; v != nil {
		p.Language = c.label("language", "Language", v)
		p.Fields |= FieldLanguage
	}
	if err := c.err(); err != nil {
		return Profile{}, err
	}
	return p, nil
}

// Patch is what the profile changes in a session that exists.
func (p Profile) Patch(now time.Time) Patch {
	return Patch{
		Fields: p.Fields | FieldLastSeen,
		To: Session{
			Username: p.Username,
			Location: p.Location,
			Gender:   p.Gender,
			Language: p.Language,
			LastSeen: stamp(now),
		},
	}
}

// username is "" for null and for blank: the guest leaves the name to us.
func (c *checker) username(v jsonview.Value) string {
	if v.IsNull() {
		return ""
	}
	if !v.IsString() {
		c.fail("username", "Username must be a string")
		return ""
	}
	name := strings.TrimSpace(string(v.Text()))
	if name == "" {
		return ""
	}
	if n := units(name); n < 3 || n > 20 {
		c.fail("username", "Username must be between 3 and 20 characters")
		return ""
	}
	for _, r := range name {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' {
			c.fail("username", "Username can only contain letters, numbers, and underscores")
			return ""
		}
	}
	return name
}
