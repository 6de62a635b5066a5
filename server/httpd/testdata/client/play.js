// Plays guests with the official, unmodified socket.io-client:
//   node play.js http://127.0.0.1:3001 websocket,polling
// It exits with 1 and says what was wrong, or prints "passed".
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [url, transports] = [process.argv[2], process.argv[3].split(",")];
const patience = 10_000;

const call = async (method, path, token) => {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(url + path, { method, headers });
  return { status: response.status, ...(await response.json()) };
};

const create = async () => {
  const answer = await call("POST", "/api/guest");
  assert.equal(answer.status, 201);
  assert.equal(answer.message, "Guest session created successfully");
  return answer.data;
};

const open = (auth, options = {}) =>
  io(url, { transports, auth, forceNew: true, reconnectionDelay: 10, tryAllTransports: true, ...options });

const next = (socket, event) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${event} did not come`)), patience);
    socket.once(event, (data) => (clearTimeout(timer), resolve(data)));
  });

const join = async (guest) => {
  const socket = open({ token: guest.token });
  const established = await next(socket, "connection:established");
  assert.deepEqual(
    { ...established, socketId: "" },
    { userId: guest.user.id, username: guest.user.username, socketId: "", isGuest: true, sessionId: guest.user.sessionId },
  );
  assert.equal(established.socketId, socket.id);
  assert.ok(socket.connected);
  assert.equal(socket.io.engine.transport.name, "websocket");
  return socket;
};

const refused = async (auth, options, message) => {
  const socket = open(auth, { reconnection: false, ...options });
  const error = await next(socket, "connect_error");
  assert.equal(error.message, message);
  socket.disconnect();
};

const first = await create();
const second = await create();
const a = await join(first);
const b = await join(second);

// Match, with acks.
const searching = next(a, "user:match:searching");
const noUsers = next(a, "user:match:no_users");
assert.deepEqual(await a.timeout(patience).emitWithAck("user:match"), { success: true });
assert.deepEqual(await searching, { message: "Searching for available users" });
assert.deepEqual(await noUsers, { message: "No users available for matching. Waiting for someone to join..." });
const met = [next(a, "user:matched"), next(b, "user:matched"), next(a, "room:user_joined"), next(b, "room:user_joined")];
b.emit("user:match", { language: "" });
const [forA, forB, joined] = await Promise.all(met);
assert.equal(forA.matchedUser.id, second.user.id);
assert.equal(forB.matchedUser.id, first.user.id);
assert.equal(forA.roomId, [first.user.id, second.user.id].sort().join("_"));
assert.equal(forA.roomId, forB.roomId);
assert.equal(joined.message, `${joined.username} has joined the chat`);

// Chat.
const text = 'h\u00e9llo \u{1f600} "quoted"\n';
const told = [next(b, "chat:message"), next(a, "chat:message:sent"), next(a, "chat:message:delivered")];
assert.deepEqual(await a.timeout(patience).emitWithAck("chat:message", { type: "text", content: text }), { success: true });
const [message, sent, delivered] = await Promise.all(told);
assert.equal(message.content, text);
assert.equal(message.senderId, first.user.id);
assert.equal(message.type, "text");
assert.deepEqual([sent.messageId, sent.status, delivered.messageId], [message.id, "sent", message.id]);
const typing = next(a, "chat:typing:start");
b.emit("chat:typing:start");
assert.deepEqual(await typing, { userId: second.user.id, username: second.user.username });
const wrong = next(a, "chat:error");
assert.deepEqual(await a.timeout(patience).emitWithAck("chat:message", { type: "text", content: " " }), {
  success: false, message: "Invalid message format",
});
assert.deepEqual(await wrong, { message: "Invalid message format" });

// Leave.
const left = [next(a, "chat:clear:confirmed"), next(b, "chat:cleared"), next(b, "room:user_left")];
a.emit("leave-room");
const [confirmed, cleared, userLeft] = await Promise.all(left);
assert.deepEqual(confirmed, { message: "Chat cleared successfully" });
assert.deepEqual(cleared, { userId: first.user.id, username: first.user.username, reason: "User left the chat" });
assert.equal(userLeft.message, `${first.user.username} has left the chat`);
const alone = next(a, "chat:error");
a.emit("chat:message", { type: "text", content: "anybody?" });
assert.deepEqual(await alone, { message: "You are not connected to any user" });

// Reconnect: the client does it by itself when its connection is cut.
const again = next(a, "connection:established");
a.io.engine.transport.ws.terminate();
assert.equal((await again).sessionId, first.user.sessionId);
assert.ok(a.connected);

// A newer socket takes over.
const replaced = next(b, "error");
const gone = next(b, "disconnect");
const newer = await join(second);
assert.deepEqual(await replaced, { message: "Replaced by a newer connection" });
assert.equal(await gone, "io server disconnect");

// A partner who disconnects.
const pair = [next(a, "user:matched"), next(newer, "user:matched")];
a.emit("user:match");
newer.emit("user:match");
await Promise.all(pair);
const closed = next(a, "room:closed");
newer.disconnect();
assert.deepEqual(await closed, {
  userId: second.user.id, username: second.user.username,
  message: "The other user has left. Room closed.", reason: "user_disconnected",
});

// Refusals, byte for byte.
await refused({}, {}, "Authentication token required");
await refused({ token: "rubbish" }, {}, "Invalid token");
await refused({}, { query: { token: "rubbish" } }, "Invalid token");
const third = await create();
assert.equal((await call("DELETE", "/api/guest", third.token)).success, true);
await refused({ token: third.token }, {}, "Guest session not found or expired");
for (const [name, message] of [["EXPIRED", "Token has expired"], ["NO_GUEST", "Only guest sessions are supported"]]) {
  await refused({ token: process.env[name] }, {}, message);
}
const admin = io(`${url}/admin`, { transports, tryAllTransports: true, reconnection: false, auth: { token: first.token } });
assert.equal((await next(admin, "connect_error")).message, "Invalid namespace");
admin.disconnect();

a.disconnect();
console.log("passed");
