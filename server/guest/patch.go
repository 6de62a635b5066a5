package guest

// Field names fields of a Session, as a set of bits.
type Field uint16

// The fields that a Patch may change, in the order of the document.
const (
	FieldUsername Field = 1 << iota
	FieldIsOnline
	FieldLastSeen
	FieldIsSearching
	FieldInChat
	FieldConnectedUser
	FieldSocketID
	FieldLocation
	FieldGender
	FieldLanguage
	FieldConnectedAt
	FieldDeviceID
	FieldIP
)

// Patch sets the named fields of a session to their values in To and leaves
// all others as they are. Every patch also renews the session's lifetime.
type Patch struct {
	Fields Field
	To     Session
}

// Change is a patch of one session.
type Change struct {
	SessionID string
	Patch     Patch
}

// Apply changes s as the patch says.
func (p Patch) Apply(s *Session) {
	if p.Fields&FieldUsername != 0 {
		s.Username = p.To.Username
	}
	if p.Fields&FieldIsOnline != 0 {
		s.IsOnline = p.To.IsOnline
	}
	if p.Fields&FieldLastSeen != 0 {
		s.LastSeen = p.To.LastSeen
	}
	if p.Fields&FieldIsSearching != 0 {
		s.IsSearching = p.To.IsSearching
	}
	if p.Fields&FieldInChat != 0 {
		s.InChat = p.To.InChat
	}
	if p.Fields&FieldConnectedUser != 0 {
		s.ConnectedUser = p.To.ConnectedUser
	}
	if p.Fields&FieldSocketID != 0 {
		s.SocketID = p.To.SocketID
	}
	if p.Fields&FieldLocation != 0 {
		s.Location = p.To.Location
	}
	if p.Fields&FieldGender != 0 {
		s.Gender = p.To.Gender
	}
	if p.Fields&FieldLanguage != 0 {
		s.Language = p.To.Language
	}
	if p.Fields&FieldConnectedAt != 0 {
		s.ConnectedAt = p.To.ConnectedAt
	}
	if p.Fields&FieldDeviceID != 0 {
		s.DeviceID = p.To.DeviceID
	}
	if p.Fields&FieldIP != 0 {
		s.IP = p.To.IP
	}
}

// Each yields the name of each changed field and its new value in JSON, in the
// order of the document. What is cleared is null, also deviceId and ip, which a
// new document would leave out. The value is good until the next one.
func (p Patch) Each(yield func(name string, value []byte) bool) {
	buf := make([]byte, 0, 64)
	for f := FieldUsername; f <= FieldIP; f <<= 1 {
		if p.Fields&f == 0 {
			continue
		}
		name, value := p.To.appendField(buf[:0], f)
		if !yield(name, value) {
			return
		}
		buf = value
	}
}

// appendField appends the value of one field, and names its member.
func (s *Session) appendField(dst []byte, f Field) (name string, value []byte) {
	switch f {
	case FieldUsername:
		return "username", AppendString(dst, s.Username)
	case FieldIsOnline:
		return "isOnline", appendBool(dst, s.IsOnline)
	case FieldLastSeen:
		return "lastSeen", appendTime(dst, s.LastSeen)
	case FieldIsSearching:
		return "isSearching", appendBool(dst, s.IsSearching)
	case FieldInChat:
		return "inChat", appendBool(dst, s.InChat)
	case FieldConnectedUser:
		return "connectedUser", appendOptional(dst, s.ConnectedUser)
	case FieldSocketID:
		return "socketId", appendOptional(dst, s.SocketID)
	case FieldLocation:
		return "location", s.Location.AppendJSON(dst)
	case FieldGender:
		return "gender", appendOptional(dst, s.Gender)
	case FieldLanguage:
		return "language", appendOptional(dst, s.Language)
	case FieldConnectedAt:
		return "connectedAt", appendOptionalTime(dst, s.ConnectedAt)
	case FieldDeviceID:
		return "deviceId", appendOptional(dst, s.DeviceID)
	case FieldIP:
		return "ip", appendOptional(dst, s.IP)
	}
	return "", dst
}
