package api

import (
	"errors"
	"fmt"
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
	if content.IsBlank() || long && content.Units() > MaxTextUnits {
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
