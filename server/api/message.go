package api

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrInvalid: the data of an event breaks the rules of the contract. Wrapped
// with which one.
var ErrInvalid = errors.New("invalid event data")

// MessageType is the type of a chat message.
type MessageType uint8

// The types of chat messages.
const (
	TextMessage MessageType = iota
	FileMessage
	VoiceMessage
)

// String is the type's name on the wire.
func (t MessageType) String() string {
	switch t {
	case FileMessage:
		return "file"
	case VoiceMessage:
		return "voice"
	default:
		return "text"
	}
}

// ChatBody is a valid chat:message as a client sent it.
type ChatBody struct {
	Type      MessageType
	Content   Value // whole, as it was sent: a string, or an object with all its members
	Timestamp Value // the client's own idea of the time, whatever it is; nil for none
}

// ParseChat checks the data of a client's chat:message: {type,content,timestamp?}.
// Content is, for text, 1..MaxTextUnits UTF-16 units that are not all white space;
// for a file {filename,fileType,fileSize}, for a voice message {duration,fileSize},
// sizes in bytes, duration in seconds. Errors wrap ErrInvalid. It allocates nothing.
func ParseChat(v Value) (ChatBody, error) {
	var body ChatBody
	var kind Value
	for name, member := range v.Members() {
		switch string(name) {
		case "type":
			kind = member
		case "content":
			body.Content = member
		case "timestamp":
			body.Timestamp = member
		}
	}
	var err error
	switch string(kind.Text()) {
	case "text":
		body.Type, err = TextMessage, checkText(body.Content)
	case "file":
		body.Type, err = FileMessage, checkFile(body.Content)
	case "voice":
		body.Type, err = VoiceMessage, checkVoice(body.Content)
	default:
		err = errMessageType
	}
	if err != nil {
		return ChatBody{}, err
	}
	return body, nil
}

var (
	errMessageType = fmt.Errorf(`%w: type must be "text", "file" or "voice"`, ErrInvalid)
	errText        = fmt.Errorf("%w: text must be a string of 1 to %d UTF-16 units, not blank", ErrInvalid, MaxTextUnits)
	errFileSize    = fmt.Errorf("%w: fileSize must be a whole number from 1 to %d", ErrInvalid, MaxFileSize)
	errFile        = fmt.Errorf("%w: a file must have filename and fileType", ErrInvalid)
	errVoice       = fmt.Errorf("%w: duration must be a number above 0, at most %d", ErrInvalid, MaxVoiceSeconds)
)

func checkText(content Value) error {
	// Units never outnumber bytes: most texts need no counting.
	long := len(content)-len(`""`) > MaxTextUnits
	if isBlank(content) || long && textUnits(content) > MaxTextUnits {
		return errText
	}
	return nil
}

func checkFile(content Value) error {
	var name, kind, size Value
	for member, v := range content.Members() {
		switch string(member) {
		case "filename":
			name = v
		case "fileType":
			kind = v
		case "fileSize":
			size = v
		}
	}
	if len(name.Text()) == 0 || len(kind.Text()) == 0 {
		return errFile
	}
	return checkFileSize(size)
}

func checkVoice(content Value) error {
	var duration, size Value
	for member, v := range content.Members() {
		switch string(member) {
		case "duration":
			duration = v
		case "fileSize":
			size = v
		}
	}
	if d, ok := duration.Float(); !ok || d <= 0 || d > MaxVoiceSeconds {
		return errVoice
	}
	return checkFileSize(size)
}

func checkFileSize(v Value) error {
	if n, ok := v.Int(); !ok || n < 1 || n > MaxFileSize {
		return errFileSize
	}
	return nil
}

// AppendChatMessage appends what the partner gets of a chat message, its content
// byte for byte: {id,senderId,senderUsername,type,content,timestamp}.
func AppendChatMessage(dst []byte, id, senderID, senderUsername string, body ChatBody, at time.Time) []byte {
	dst = appendField(dst, `{"id":`, id)
	dst = appendField(dst, `,"senderId":`, senderID)
	dst = appendField(dst, `,"senderUsername":`, senderUsername)
	dst = appendField(dst, `,"type":`, body.Type.String())
	dst = append(append(dst, `,"content":`...), body.Content...)
	dst = appendTime(dst, `,"timestamp":`, at)
	return append(dst, '}')
}

// AppendSent appends what the sender gets at once: {messageId,timestamp,status:"sent"}.
func AppendSent(dst []byte, messageID string, at time.Time) []byte {
	dst = appendField(dst, `{"messageId":`, messageID)
	dst = appendTime(dst, `,"timestamp":`, at)
	return append(dst, `,"status":"sent"}`...)
}

// AppendDelivered appends what the sender gets once the partner's socket has
// taken the message: {messageId,timestamp}.
func AppendDelivered(dst []byte, messageID string, at time.Time) []byte {
	dst = appendField(dst, `{"messageId":`, messageID)
	return append(appendTime(dst, `,"timestamp":`, at), '}')
}

// AppendText appends the data of a client's text message: {type:"text",content}.
func AppendText(dst []byte, text string) []byte {
	return append(appendField(dst, `{"type":"text","content":`, text), '}')
}

// AppendFile appends the data of a client's file message; size in bytes.
func AppendFile(dst []byte, name, kind string, size int) []byte {
	dst = appendField(dst, `{"type":"file","content":{"filename":`, name)
	dst = appendField(dst, `,"fileType":`, kind)
	return append(appendInt(dst, `,"fileSize":`, size), `}}`...)
}

// AppendVoice appends the data of a client's voice message; size in bytes.
func AppendVoice(dst []byte, seconds float64, size int) []byte {
	dst = append(dst, `{"type":"voice","content":{"duration":`...)
	dst = strconv.AppendFloat(dst, seconds, 'f', -1, 64)
	return append(appendInt(dst, `,"fileSize":`, size), `}}`...)
}

// Message is a chat:message as its receiver sees it. All are views.
type Message struct {
	ID, SenderID, SenderUsername []byte
	Type                         []byte
	Content                      Value
	Text                         []byte // of a text message, unescaped
	Timestamp                    []byte // ISO 8601
}

// ParseMessage reads the data of a chat:message that the server sent.
func ParseMessage(v Value) (Message, error) {
	var m Message
	for name, member := range v.Members() {
		switch string(name) {
		case "id":
			m.ID = member.Text()
		case "senderId":
			m.SenderID = member.Text()
		case "senderUsername":
			m.SenderUsername = member.Text()
		case "type":
			m.Type = member.Text()
		case "content":
			m.Content, m.Text = member, member.Text()
		case "timestamp":
			m.Timestamp = member.Text()
		}
	}
	if len(m.ID) == 0 || len(m.SenderID) == 0 || len(m.Type) == 0 || m.Content == nil {
		return Message{}, fmt.Errorf("%w: chat:message %s: want id, senderId, type and content", ErrMalformed, excerpt(v))
	}
	return m, nil
}

// Receipt says that a message was sent or delivered. All are views.
type Receipt struct {
	MessageID []byte
	Timestamp []byte // ISO 8601
	Status    []byte // "sent", or nil on delivery
}

// ParseReceipt reads the data of a chat:message:sent or chat:message:delivered.
func ParseReceipt(v Value) (Receipt, error) {
	var r Receipt
	for name, member := range v.Members() {
		switch string(name) {
		case "messageId":
			r.MessageID = member.Text()
		case "timestamp":
			r.Timestamp = member.Text()
		case "status":
			r.Status = member.Text()
		}
	}
	if len(r.MessageID) == 0 {
		return Receipt{}, fmt.Errorf("%w: receipt %s: want messageId", ErrMalformed, excerpt(v))
	}
	return r, nil
}
