"""A guest chat, written from server/CONTRACT.md alone. Prints its address; ends with its standard input."""
import asyncio
import base64
import contextlib
import hashlib
import json
import re
import secrets
import sys
import time
import uuid
from urllib.parse import parse_qs, urlsplit

MAX_BODY, PING_EVERY, SILENCE, CONNECT_TIME = 65536, 25, 54, 45
guests, tokens, queue = {}, {}, {}  # guests by sessionId; guests by token; who searches, first come first


class Refused(Exception):
    pass  # arguments: status, message, and perhaps the faults of fields


def now():
    seconds, ms = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03}Z"


def valid(message):
    kind, content = message.get("type"), message.get("content")
    if kind == "text":
        return isinstance(content, str) and content.strip() and len(content.encode("utf-16", "surrogatepass")) <= 2002
    size = content.get("fileSize") if isinstance(content, dict) else None
    if type(size) is not int or not 1 <= size <= 10485760 or kind not in ("file", "voice"):
        return False
    return kind == "voice" and 0 < content["duration"] <= 300 or bool(content.get("filename") and content.get("fileType"))


class Guest:
    def __init__(self, body):
        self.session = str(uuid.uuid4())
        self.id, self.seen = "guest_" + self.session, now()
        self.username = (body.get("username") or "").strip() or f"QuietOtter{secrets.randbelow(9999) + 1}"
        self.profile = {name: body.get(name) for name in ("location", "gender", "language")}
        self.socket, self.partner, self.last, self.wants = None, None, None, {}

    def tell(self, event, **data):
        if self.socket:
            self.socket.send(event, data)

    def about(self, **more):
        return {"userId": self.id, "username": self.username, **more}

    def accepts(self, other):
        traits = {**other.profile, "country": (other.profile["location"] or {}).get("country")}
        return all(not wish or traits.get(name) == wish for name, wish in self.wants.items())

    def search(self, wants):
        self.leave()
        queue.pop(self, None)
        self.wants = {name: wants.get(name) for name in ("language", "gender", "country")}
        self.tell("user:match:searching", message="Searching for available users")
        fit = [g for g in queue if self.accepts(g) and g.accepts(self)]
        other = next((g for g in fit if g is not self.last and g.last is not self), fit[0] if fit else None)
        if other is None:
            queue[self] = True
            text = "No users available for matching. Waiting for someone to join..."
            return self.tell("user:match:no_users", message=text)
        del queue[other]
        self.partner, other.partner = other, self
        for me, them in ((self, other), (other, self)):
            matched = {"id": them.id, "username": them.username, "isGuest": True, **them.profile}
            me.tell("user:matched", matchedUser=matched, roomId="_".join(sorted((me.id, them.id))))
            for who in (self, other):
                me.tell("room:user_joined", **who.about(message=f"{who.username} has joined the chat"))

    def part(self):  # ends the search and the chat
        queue.pop(self, None)
        other, self.partner = self.partner, None
        if other:
            other.partner, self.last, other.last = None, other, self
        return other

    def leave(self):
        other = self.partner and self.part()
        if other:
            for who in (self, other):
                who.tell("room:user_left", **self.about(message=f"{self.username} has left the chat"))
            other.tell("chat:cleared", **self.about(reason="User left the chat"))
            self.tell("chat:clear:confirmed", message="Chat cleared successfully")
        return other

    def chat(self, data):
        if not isinstance(data, dict) or not valid(data):
            return self.tell("chat:error", message="Invalid message format")
        if not self.partner:
            return self.tell("chat:error", message="You are not connected to any user")
        name, at = secrets.token_hex(8), now()
        self.partner.tell("chat:message", id=name, senderId=self.id, senderUsername=self.username,
                          type=data["type"], content=data["content"], timestamp=at)
        self.tell("chat:message:sent", messageId=name, timestamp=at, status="sent")
        self.tell("chat:message:delivered", messageId=name, timestamp=at)

    def handle(self, event, data):
        self.seen = now()
        if event == "user:match":
            self.search(data or {})
        elif event == "user:match:cancel":
            queue.pop(self, None)
            self.tell("user:match:cancelled", message="Matching cancelled")
        elif event == "chat:message":
            self.chat(data)
        elif event in ("chat:typing:start", "chat:typing:stop") and self.partner:
            self.partner.tell(event, **self.about())
        elif event in ("chat:clear", "leave-room", "close-room") and not self.leave():
            self.tell("chat:clear:confirmed", message="Chat cleared successfully")


def create(body):
    name = str(body.get("username") or "").strip()
    if name and not re.fullmatch("[A-Za-z0-9_]{3,20}", name):
        rules = ["must be between 3 and 20 characters", "can only contain letters, numbers, and underscores"]
        raise Refused(400, "Validation failed", [{"field": "username", "message": "Username " + rules[3 <= len(name) <= 20]}])
    guest, token = Guest(body), secrets.token_urlsafe(24)
    guests[guest.session] = tokens[token] = guest
    user = {"id": guest.id, "username": guest.username, "isGuest": True, "sessionId": guest.session, **guest.profile}
    return 201, {"message": "Guest session created successfully", "data": {"token": token, "user": user}}


def fetch(guest, asker):
    if not guest:
        raise Refused(404, "Guest session not found or expired")
    partner, profile = guest.partner, dict(guest.profile)
    if asker is None or asker not in (guest, partner):
        partner, place = None, profile["location"]
        profile["location"] = place and {**place, "coordinates": None, "city": None}
    return 200, {"data": {"user": {
        "id": guest.id, "username": guest.username, "isOnline": guest.socket is not None, "lastSeen": guest.seen,
        "isSearching": guest in queue, "inChat": guest.partner is not None, "connectedUser": partner and partner.id,
        "isGuest": True, "sessionId": guest.session, **profile}}}


class Connection:  # HTTP requests, and after an upgrade a guest's socket
    def __init__(self, reader, writer):
        self.reader, self.writer, self.socketio, self.guest, self.id = reader, writer, False, None, secrets.token_hex(8)

    async def serve(self):
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, ValueError):  # gone, or no HTTP
            while await self.request():
                pass
        self.writer.close()

    async def request(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        url, token = urlsplit(target), headers.get("authorization", "").partition(" ")[2]
        size = int(headers.get("content-length", 0))
        try:
            if headers.get("upgrade", "").lower() == "websocket":
                return await self.upgrade(url, headers, token)
            if size > MAX_BODY:
                raise Refused(413, "Request body too large")
            body = await self.reader.readexactly(size)
            status, answer = self.answer(method, url.path.rstrip("/"), token, body)
        except Refused as r:
            status, answer = r.args[0], {"message": r.args[1], **({"errors": r.args[2]} if r.args[2:] else {})}
        text = json.dumps({"success": status < 400, **answer}).encode()
        head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.writer.write(head % (status, len(text)) + text)
        return size <= MAX_BODY

    def answer(self, method, path, token, body):
        try:
            body = json.loads(body or "{}")
        except ValueError:
            raise Refused(400, "Malformed JSON in request body")
        if not isinstance(body, dict):
            raise Refused(400, "Request body must be a JSON object")
        found = re.fullmatch("/api/guest/([^/]+)", path)
        if method == "GET" and found:
            return fetch(guests.get(found[1]), tokens.get(token))
        if (method, path) == ("POST", "/api/guest"):
            return create(body)
        raise Refused(404, "API endpoint not found")

    async def upgrade(self, url, headers, token):
        token = token or parse_qs(url.query).get("token", [""])[0]
        self.socketio, self.born = url.path.startswith("/socket.io"), time.monotonic()
        self.heard = self.born
        if url.path != "/ws" and not self.socketio:
            raise Refused(404, "API endpoint not found")
        if not self.socketio and token not in tokens:
            raise Refused(401, "Invalid token" if token else "Access token is required")
        accept = hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n")
        beat = asyncio.create_task(self.beat())
        try:
            if self.socketio:
                times = {"pingInterval": PING_EVERY * 1000, "pingTimeout": 60000, "maxPayload": MAX_BODY}
                self.say("0", {"sid": self.id, "upgrades": [], **times})
            else:
                self.join(tokens[token])
            while (text := await self.message()) is not None and self.packet(text, token) is not False:
                pass
        except (ValueError, KeyError, TypeError, AttributeError):
            self.close(1002, "Malformed packet")
        finally:
            beat.cancel()
            self.depart()

    async def beat(self):
        while time.monotonic() < (self.heard + SILENCE if self.guest else self.born + CONNECT_TIME):
            await asyncio.sleep(PING_EVERY)
            self.frame(*((1, b"2") if self.socketio else (9, b"")))
        self.writer.transport.abort()

    def frame(self, opcode, payload):
        n = len(payload)
        size = bytes([n]) if n < 126 else b"~" + n.to_bytes(2, "big") if n < 65536 else b"\x7f" + n.to_bytes(8, "big")
        self.writer.write(bytes([0x80 | opcode]) + size + payload)

    def say(self, prefix, value):
        self.frame(1, (prefix + json.dumps(value)).encode())

    def send(self, event, data):
        self.say(*(("42", [event, data]) if self.socketio else ("", {"event": event, "data": data})))

    def close(self, code, message):
        if self.guest:
            self.send("error", {"message": message})
        if self.socketio and code == 4001:
            self.frame(1, b"41")
        self.frame(8, code.to_bytes(2, "big") + message.encode())
        self.depart()
        self.writer.close()

    def depart(self):
        guest, self.guest = self.guest, None
        if guest and guest.socket is self:
            guest.socket, other = None, guest.part()
            if other:
                gone = guest.about(message="The other user has left. Room closed.", reason="user_disconnected")
                other.tell("room:closed", **gone)

    def join(self, guest):
        older, self.guest, guest.socket = guest.socket, guest, self
        if older:
            older.close(4001, "Replaced by a newer connection")
        if self.socketio:
            self.say("40", {"sid": self.id})
        guest.tell("connection:established", **guest.about(socketId=self.id, isGuest=True, sessionId=guest.session))

    async def message(self):  # the next one; None when the peer closes
        whole = b""
        while True:
            first, second = await self.reader.readexactly(2)
            size, opcode = second & 127, first & 15
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            if len(whole) + size > MAX_BODY:
                return self.close(1009, "message larger than allowed")
            if opcode == 2:
                return self.close(1003, "Binary messages are not supported")
            key, payload = await self.reader.readexactly(4), await self.reader.readexactly(size)
            payload = bytes(b ^ key[i % 4] for i, b in enumerate(payload))
            self.heard = time.monotonic()
            if opcode == 8:
                return self.frame(8, payload[:2])
            if opcode == 9:
                self.frame(10, payload)
            elif opcode < 2:
                whole += payload
                if first & 128:
                    return whole.decode()

    def packet(self, text, fallback):
        if not self.socketio:
            return self.guest.handle(json.loads(text)["event"], json.loads(text).get("data"))
        event = re.match(r"42(\d*)", text)
        if event and self.guest:
            self.guest.handle(*(json.loads(text[event.end():]) + [None])[:2])
            if event[1]:
                self.say("43" + event[1], [{"success": True}])
        elif text.startswith("40"):
            token = json.loads(text[2:] or "{}").get("token") or fallback
            if token in tokens:
                return self.join(tokens[token])
            self.say("44", {"message": "Invalid token" if token else "Authentication token required"})
        elif text == "41":
            self.depart()
        return text != "1"


async def main():
    server = await asyncio.start_server(lambda *pair: Connection(*pair).serve(), "127.0.0.1", 0, limit=2 * MAX_BODY)
    print("http://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
