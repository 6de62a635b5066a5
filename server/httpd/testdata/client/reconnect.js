// Checks which disconnects the official, unmodified socket.io-client recovers from:
//   node reconnect.js http://127.0.0.1:3001 websocket
// It prints "restart" when the server is to be restarted on the same port with the
// same sessions, and "passed" at the end. Otherwise it exits with 1 and the reason.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [url, transports] = [process.argv[2], process.argv[3].split(",")];
const patience = 20_000;

const create = async () => (await (await fetch(`${url}/api/guest`, { method: "POST" })).json()).data;

const open = ({ token }) =>
  io(url, { transports, tryAllTransports: true, auth: { token }, forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50 });

const next = (socket, event) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${event} did not come`)), patience);
    socket.once(event, (data) => (clearTimeout(timer), resolve(data)));
  });

const guest = await create();
const socket = open(guest);
await next(socket, "connection:established");

// comesBack does something, and waits until the client has reconnected by itself.
const comesBack = async (what, provoke, message) => {
  const [gone, back] = [next(socket, "disconnect"), next(socket, "connection:established")];
  const told = message && next(socket, "error");
  provoke();
  if (message) assert.equal((await told).message, message, what);
  assert.equal(await gone, "transport close", what);
  assert.equal(socket.active, true, what);
  assert.equal((await back).sessionId, guest.user.sessionId, what);
};

// staysAway does something that ends the socket for good.
const staysAway = async (what, provoke, message) => {
  const [told, gone] = [next(socket, "error"), next(socket, "disconnect")];
  await provoke();
  assert.equal((await told).message, message, what);
  assert.equal(await gone, "io server disconnect", what);
  assert.equal(socket.active, false, what);
};

const raw = (text) => () => socket.io.engine.transport.ws.send(text);

await comesBack("a restart", () => console.log("restart"), "The server is shutting down");
await comesBack("a flood", () => { for (let i = 0; i < 100; i++) socket.emit("chat:typing:start"); }, "Too many events");
for (const [what, text] of [["no packet", "}{"], ["no JSON", '42["x"'], ["another namespace", '42/admin,["x"]']]) {
  await comesBack(what, raw(text));
}

// Unknown events are ignored, as are their acks.
socket.onAny((event) => assert.notEqual(event, "chat:error"));
for (const event of ["user:join", "presence:update", "user:matched", "realtime:stats"]) socket.emit(event, { some: "data" });
await assert.rejects(socket.timeout(200).emitWithAck("no:such:event"), /timed out/);
assert.deepEqual(await socket.timeout(patience).emitWithAck("user:match:cancel"), { success: true });
socket.offAny();

let newer;
await staysAway("a takeover", () => next((newer = open(guest)), "connection:established"), "Replaced by a newer connection");
const older = next(newer, "disconnect");
socket.connect(); // takes it back
assert.equal(await older, "io server disconnect");
const remove = () => fetch(`${url}/api/guest`, { method: "DELETE", headers: { Authorization: `Bearer ${guest.token}` } });
await staysAway("a deleted session", remove, "The session has ended");
newer.disconnect();
console.log("passed");
