package guest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"guestload/server/jsonview"
)

// Device is what a client reports of the device it runs on. Fields names what
// the body mentioned, null included; the others are to keep their values.
type Device struct {
	DeviceID string
	IP       string
	Location Location
	Fields   Field
}

// ParseDevice reads the body of POST /api/users/device: {deviceId?, ip?,
// location?}, each of which may be null; unknown members are ignored, and the
// body may be empty. Errors are as ParseProfile's.
func ParseDevice(body []byte) (Device, error) {
	o, err := parseObject(body, "deviceId", "ip", "location")
	if err != nil {
		return Device{}, err
	}
	var (
		d Device
		c checker
	)
	if v := o[0]; v != nil {
		d.DeviceID = c.deviceID(v)
		d.Fields |= FieldDeviceID
	}
	if v := o[1]; v != nil {
		d.IP = c.ip(v)
		d.Fields |= FieldIP
	}
	if v := o[2]; v != nil {
		d.Location = c.location(v)
		d.Fields |= FieldLocation
	}
	if err := c.err(); err != nil {
		return Device{}, err
	}
	return d, nil
}

// Patch is what the report changes in a session.
func (d Device) Patch(now time.Time) Patch {
	return Patch{
		Fields: d.Fields | FieldLastSeen,
		To:     Session{DeviceID: d.DeviceID, IP: d.IP, Location: d.Location, LastSeen: stamp(now)},
	}
}

func (c *checker) deviceID(v jsonview.Value) string {
	if v.IsNull() {
		return ""
	}
	if !v.IsString() {
		c.fail("deviceId", "Device ID must be a string")
		return ""
	}
	id := strings.TrimSpace(string(v.Text()))
	if id == "" || units(id) > maxDevice {
		c.fail("deviceId", fmt.Sprintf("Device ID must be between 1 and %d characters", maxDevice))
		return ""
	}
	return id
}

// ip takes no zone ("fe80::1%eth0"): it means nothing outside of the device.
func (c *checker) ip(v jsonview.Value) string {
	if v.IsNull() {
		return ""
	}
	raw := string(v.Text())
	if addr, err := netip.ParseAddr(raw); err != nil || addr.Zone() != "" {
		c.fail("ip", "Invalid IP address format")
		return ""
	}
	return raw
}
