// Package api is the wire contract: events, payloads, envelopes, error strings,
// and the two framings of the real-time protocol, plain JSON frames on /ws and
// Socket.IO packets on /socket.io/. Server and load generator both speak
// through it, and it imports neither.
package api

// Events that clients send.
const (
	EventMatch       = "user:match"
	EventMatchCancel = "user:match:cancel"
	EventChatMessage = "chat:message" // both ways
	EventTypingStart = "chat:typing:start"
	EventTypingStop  = "chat:typing:stop"
	EventChatClear   = "chat:clear"
	EventLeaveRoom   = "leave-room"
	EventCloseRoom   = "close-room"
	EventGetStats    = "get:stats"

	EventOffer        = "webrtc:offer"
	EventAnswer       = "webrtc:answer"
	EventICECandidate = "webrtc:ice-candidate"
	EventCallEnd      = "webrtc:call-end"
	EventCallReject   = "webrtc:call-reject"
	EventCallTimeout  = "webrtc:call-timeout"
)

// Events that the server sends.
const (
	EventEstablished    = "connection:established"
	EventSearching      = "user:match:searching"
	EventNoUsers        = "user:match:no_users"
	EventMatched        = "user:matched"
	EventUserJoined     = "room:user_joined"
	EventMatchCancelled = "user:match:cancelled"
	EventMatchError     = "user:match:error"
	EventMessageSent    = "chat:message:sent"
	EventDelivered      = "chat:message:delivered"
	EventUserLeft       = "room:user_left"
	EventChatCleared    = "chat:cleared"
	EventClearConfirmed = "chat:clear:confirmed"
	EventRoomClosed     = "room:closed"
	EventChatError      = "chat:error"
	EventStats          = "realtime:stats"
	EventError          = "error"
)

// Sentences of the contract, byte for byte.
const (
	TextCreated         = "Guest session created successfully"
	TextLocationUpdated = "Location updated successfully"
	TextDeviceUpdated   = "Device information updated successfully"
	TextRunning         = "Server is running"
	TextDeleted         = "Guest session deleted successfully"

	TextValidationFailed = "Validation failed"
	TextTokenRequired    = "Access token is required"
	TextInvalidToken     = "Invalid token"
	TextTokenExpired     = "Token has expired"
	TextGuestsOnly       = "Only guest sessions are supported"
	TextSessionNotFound  = "Guest session not found or expired"
	TextNoEndpoint       = "API endpoint not found"
	TextTooManyRequests  = "Too many API requests, please try again later."
	TextAuthRequired     = "Authentication token required" // a socket without a token

	TextMethodNotAllowed = "Method not allowed"                    // 405
	TextBodyTooLarge     = "Request body too large"                // 413
	TextNotJSON          = "Content-Type must be application/json" // 415
	TextMalformedJSON    = "Malformed JSON in request body"        // 400
	TextBodyNotObject    = "Request body must be a JSON object"    // 400
	TextUnavailable      = "Service temporarily unavailable"       // 503, with Retry-After
	TextInternal         = "Internal server error"                 // 500

	TextSearching      = "Searching for available users"
	TextNoUsers        = "No users available for matching. Waiting for someone to join..."
	TextCancelled      = "Matching cancelled"
	TextLeftReason     = "User left the chat"
	TextCleared        = "Chat cleared successfully"
	TextRoomClosed     = "The other user has left. Room closed."
	TextNotConnected   = "You are not connected to any user"
	TextInvalidMessage = "Invalid message format"
	TextPartnerGone    = "Connected user is not available"
	TextReplaced       = "Replaced by a newer connection"

	TextMalformed     = "Malformed packet" // before a close with a code, as are these
	TextTooManyEvents = "Too many events"
	TextGoingAway     = "The server is shutting down"

	TextInvalidNamespace = "Invalid namespace" // Socket.IO's own

	ReasonDisconnected   = "user_disconnected"
	ReasonPartnerOffline = "partner_offline"
)

// Limits of the contract.
const (
	MaxTextUnits    = 1000             // of a text message, in UTF-16 units
	MaxFileSize     = 10 * 1024 * 1024 // bytes, of a file or voice message
	MaxVoiceSeconds = 300
	MaxBody         = 64 * 1024 // bytes, of an HTTP body and of a WebSocket message
	StatsUsers      = 100       // onlineUsers in a broadcast
)
