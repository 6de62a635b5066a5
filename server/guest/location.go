package guest

import (
	_ "embed" // for zones
	"fmt"
	"strings"

	"github.com/valyala/fastjson"
)

// maxLocation bounds a stored location, in bytes of compact JSON: unknown
// members are kept, and must not become a way to store files.
const maxLocation = 2048

// zones has the names of the IANA time zone database, a line each, with a line
// break before and after each: those of Go's own copy (lib/time/zoneinfo.zip),
// aliases included. The machine's zone files vary; what is valid must not.
//
//go:embed zones.txt
var zones string

// AppendJSON appends the object, or null.
func (l Location) AppendJSON(dst []byte) []byte {
	if len(l) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, l...)
}

// Country returns the country as the guest wrote it, trimmed, or "".
func (l Location) Country() string {
	if len(l) == 0 {
		return ""
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(l)
	if err != nil {
		return ""
	}
	object, err := root.Object()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(member(object, "country").GetStringBytes()))
}

// location reads the object that a Location keeps; nil for null.
func (c *checker) location(v *fastjson.Value) Location {
	if v.Type() == fastjson.TypeNull {
		return nil
	}
	if v.Type() != fastjson.TypeObject {
		c.fail("location", "Location must be an object")
		return nil
	}
	kept := compact(v) // before anything looks into v
	if len(kept) > maxLocation {
		c.fail("location", fmt.Sprintf("Location must be at most %d bytes of JSON", maxLocation))
		return nil
	}
	object, _ := v.Object()
	c.label("location.country", "Country", member(object, "country"))
	c.label("location.region", "Region", member(object, "region"))
	c.label("location.city", "City", member(object, "city"))
	c.timezone(member(object, "timezone"))
	c.coordinates(member(object, "coordinates"))
	return kept
}

func (c *checker) timezone(v *fastjson.Value) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return
	}
	name, err := v.StringBytes()
	if err != nil {
		c.fail("location.timezone", "Timezone must be a string")
		return
	}
	if !isZone(string(name)) {
		c.fail("location.timezone", "Timezone must be an IANA time zone name")
	}
}

func isZone(name string) bool {
	return name != "" && !strings.Contains(name, "\n") && strings.Contains(zones, "\n"+name+"\n")
}

func (c *checker) coordinates(v *fastjson.Value) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return
	}
	object, err := v.Object()
	if err != nil {
		c.fail("location.coordinates", "Coordinates must be an object")
		return
	}
	c.degrees("location.coordinates.lat", "Latitude", 90, member(object, "lat"))
	c.degrees("location.coordinates.lon", "Longitude", 180, member(object, "lon"))
}

func (c *checker) degrees(field, name string, limit float64, v *fastjson.Value) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return
	}
	// A number too large for a float64 is an error or infinite: both fail.
	if n, err := v.Float64(); v.Type() != fastjson.TypeNumber || err != nil || n < -limit || n > limit {
		c.fail(field, fmt.Sprintf("%s must be a number between -%g and %g", name, limit, limit))
	}
}
