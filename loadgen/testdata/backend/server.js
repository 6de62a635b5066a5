// A guest chat as many write it, with Express and the official Socket.IO server:
//   node server.js [--lie double-match|wrong-receipt|relay-late] [--names own] [--events 50]
// It tells its address on the first line, and ends with its standard input. It has
// the contract without what is optional: nobody can renew a token, report a
// device, or ask for counts. With --lie double-match it now and then matches a
// guest who has a partner already, with wrong-receipt it tells the recipient that a
// message was delivered, as some do, and with relay-late it delivers what a guest
// says after a chat to the last partner; with --names own it has a prefix, paths and
// events of its own; with --events 50 it closes the connection of a socket that sends
// more events in a second, and has no such limit otherwise.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import express from "express";
import { Server } from "socket.io";

const options = {
  lie: { type: "string", default: "none" }, names: { type: "string", default: "contract" }, events: { type: "string", default: "Infinity" },
};
const { lie, names, events } = parseArgs({ options }).values;
if (!["none", "double-match", "wrong-receipt", "relay-late"].includes(lie) || !["contract", "own"].includes(names)) {
  throw new Error("--lie is none, double-match, wrong-receipt or relay-late, --names is contract or own");
}

const ownPaths = {
  "/api/guest": "/chat/v2/visitors",
  "/api/guest/:sessionId": "/chat/v2/visitors/by-session/:sessionId",
  "/api/guest/location": "/chat/v2/whereabouts",
  "/api/users/online": "/chat/v2/present",
  "/socket.io/": "/chat/live/",
};
const ownEvents = {
  "user:match": "find", "user:match:cancel": "stop-finding", "user:match:searching": "finding",
  "user:match:no_users": "nobody-yet", "user:match:cancelled": "stopped-finding", "user:matched": "found",
  "connection:established": "welcome", "room:user_joined": "joined", "room:user_left": "left",
  "chat:message": "say", "chat:message:sent": "said", "chat:message:delivered": "heard",
  "chat:clear": "part", "chat:clear:confirmed": "parted", "chat:cleared": "abandoned", "room:closed": "vanished",
  "chat:error": "wrong",
};
const path = (name) => (names === "own" ? ownPaths[name] : name);
const event = (name) => (names === "own" ? ownEvents[name] ?? name : name);

const guests = new Map(); // by session, which is the token, too
let queue = [];
let chances = 0;

const app = express();
app.use(express.json());
const succeed = (response, status, data) => response.status(status).json({ success: true, data });
const fail = (response, status, message) => response.status(status).json({ success: false, message });
const authenticated = (request, response, next) => {
  request.guest = guests.get((request.get("authorization") ?? "").replace(/^Bearer /, ""));
  if (!request.guest) return fail(response, 401, "Invalid token");
  next();
};
const profile = ({ id, username, sessionId, location, gender, language }) =>
  ({ id, username, isGuest: true, sessionId, location, gender, language });

app.post(path("/api/guest"), (request, response) => {
  const sessionId = randomUUID();
  const { username, location = null, gender = null, language = null } = request.body; // undefined, and so an error, where no JSON came
  const guest = {
    id: `guest_${sessionId}`, sessionId, username: username ?? `Visitor${guests.size + 1}`,
    location, gender, language, socket: null, partner: null,
  };
  guests.set(sessionId, guest);
  succeed(response, 201, { token: sessionId, user: profile(guest) });
});
app.post(path("/api/guest/location"), authenticated, (request, response) => {
  request.guest.location = request.body.location;
  succeed(response, 200, { location: request.guest.location });
});
app.get(path("/api/guest/:sessionId"), (request, response) => {
  const guest = guests.get(request.params.sessionId);
  if (!guest) return fail(response, 404, "Guest session not found or expired");
  succeed(response, 200, { user: profile(guest) });
});
app.get(path("/api/users/online"), authenticated, (request, response) => {
  const onlineUsers = [...guests.values()].filter((g) => g.socket && g !== request.guest).slice(0, 100)
    .map(({ id, username }) => ({ id, username, isOnline: true, isGuest: true }));
  succeed(response, 200, { onlineUsers, count: onlineUsers.length });
});
app.use((_, response) => fail(response, 404, "API endpoint not found"));

const http = createServer(app);
const io = new Server(http, { path: path("/socket.io/"), serveClient: false });
const tell = (guest, name, data) => guest.socket?.emit(event(name), data);

io.use((socket, next) => {
  socket.guest = guests.get(socket.handshake.auth.token);
  next(socket.guest ? undefined : new Error("Invalid token"));
});

const introduce = (last, first) => {
  const roomId = [last.id, first.id].sort().join("_");
  for (const [me, other] of [[last, first], [first, last]]) {
    tell(me, "user:matched", { matchedUser: { ...profile(other), sessionId: undefined }, roomId });
    for (const { id, username } of [last, first]) {
      tell(me, "room:user_joined", { userId: id, username, message: `${username} has joined the chat` });
    }
  }
};

const leave = (guest) => {
  queue = queue.filter((other) => other !== guest);
  const partner = guest.partner;
  if (!partner) return false;
  guest.partner = partner.partner = null;
  const left = { userId: guest.id, username: guest.username, message: `${guest.username} has left the chat` };
  tell(guest, "room:user_left", left);
  tell(partner, "room:user_left", left);
  tell(partner, "chat:cleared", { userId: guest.id, username: guest.username, reason: "User left the chat" });
  return true;
};

const search = (guest) => {
  leave(guest);
  tell(guest, "user:match:searching", { message: "Searching for available users" });
  const taken = [...guests.values()].find((g) => g.socket && g !== guest && g.partner && g.partner !== guest);
  if (lie === "double-match" && taken && ++chances % 5 === 3) return introduce(guest, taken);
  const partner = queue.shift();
  if (!partner) {
    queue.push(guest);
    return tell(guest, "user:match:no_users", { message: "No users available for matching. Waiting for someone to join..." });
  }
  guest.partner = guest.last = partner;
  partner.partner = partner.last = guest;
  introduce(guest, partner);
};

const relay = (guest, { type, content }) => {
  const partner = guest.partner ?? (lie === "relay-late" ? guest.last : null);
  if (!partner) return tell(guest, "chat:error", { message: "You are not connected to any user" });
  const id = randomUUID();
  const timestamp = new Date().toISOString();
  tell(guest, "chat:message:sent", { messageId: id, timestamp, status: "sent" });
  tell(partner, "chat:message", { id, senderId: guest.id, senderUsername: guest.username, type, content, timestamp });
  tell(lie === "wrong-receipt" ? partner : guest, "chat:message:delivered", { messageId: id, timestamp });
};

const depart = (guest, socket) => {
  if (guest.socket !== socket) return; // a newer one has taken over
  guest.socket = null;
  queue = queue.filter((other) => other !== guest);
  const partner = guest.partner;
  if (!partner) return;
  guest.partner = partner.partner = null;
  tell(partner, "room:closed", {
    userId: guest.id, username: guest.username,
    message: "The other user has left. Room closed.", reason: "user_disconnected",
  });
};

const limit = (socket) => {
  let second = 0, count = 0;
  socket.use((_, next) => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) [second, count] = [now, 0];
    if (++count <= Number(events)) return next();
    if (count === Number(events) + 1) {
      socket.emit(event("error"), { message: "Too many events" });
      socket.conn.close();
    }
  });
};

io.on("connection", (socket) => {
  const guest = socket.guest;
  limit(socket);
  const older = guest.socket;
  guest.socket = socket;
  older?.emit(event("error"), { message: "Replaced by a newer connection" });
  older?.disconnect(true);
  const { id, username, sessionId } = guest;
  tell(guest, "connection:established", { userId: id, username, socketId: socket.id, isGuest: true, sessionId });
  socket.on(event("user:match"), () => search(guest));
  socket.on(event("user:match:cancel"), () => {
    queue = queue.filter((other) => other !== guest);
    tell(guest, "user:match:cancelled", { message: "Matching cancelled" });
  });
  socket.on(event("chat:message"), (data) => relay(guest, data));
  socket.on(event("chat:clear"), () => {
    if (leave(guest)) tell(guest, "chat:clear:confirmed", { message: "Chat cleared successfully" });
  });
  socket.on("disconnect", () => depart(guest, socket));
});

http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}${names === "own" ? "/chat" : ""}`));
process.stdin.resume().on("end", () => process.exit());
