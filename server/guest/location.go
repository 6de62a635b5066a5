package guest

import (
	"bytes"
	_ "embed" // for zones
	"fmt"
	"strings"

	"guestload/server/jsonview"
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
	return strings.TrimSpace(string(jsonview.Value(l).Get("country").Text()))
}

// location reads the object that a Location keeps; nil for null.
func (c *checker) location(v jsonview.Value) Location {
	if v.IsNull() {
		return nil
	}
	if !v.IsObject() {
		c.fail("location", "Location must be an object")
		return nil
	}
	kept := v.Compact()
	if len(kept) > maxLocation {
		c.fail("location", fmt.Sprintf("Location must be at most %d bytes of JSON", maxLocation))
		return nil
	}
	member := v.Find("country", "region", "city", "timezone", "coordinates")
	c.label("location.country", "Country", member[0])
	c.label("location.region", "Region", member[1])
	c.label("location.city", "City", member[2])
	c.timezone(member[3])
	c.coordinates(member[4])
	return Location(bytes.Clone(kept))
}

func (c *checker) timezone(v jsonview.Value) {
	if v.IsNull() {
		return
	}
	if !v.IsString() {
		c.fail("location.timezone", "Timezone must be a string")
		return
	}
	if !isZone(string(v.Text())) {
		c.fail("location.timezone", "Timezone must be an IANA time zone name")
	}
}

func isZone(name string) bool {
	return name != "" && !strings.Contains(name, "\n") && strings.Contains(zones, "\n"+name+"\n")
}

func (c *checker) coordinates(v jsonview.Value) {
	if v.IsNull() {
		return
	}
	if !v.IsObject() {
		c.fail("location.coordinates", "Coordinates must be an object")
		return
	}
	member := v.Find("lat", "lon")
	c.degrees("location.coordinates.lat", "Latitude", 90, member[0])
	c.degrees("location.coordinates.lon", "Longitude", 180, member[1])
}

func (c *checker) degrees(field, name string, limit float64, v jsonview.Value) {
	if v.IsNull() {
		return
	}
	if n, ok := v.Float(); !ok || n < -limit || n > limit {
		c.fail(field, fmt.Sprintf("%s must be a number between -%g and %g", name, limit, limit))
	}
}
