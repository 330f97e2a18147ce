"""PostgreSQL's messages by hand, for what no client library sends: row limits, broken packets, a cut COPY."""

import socket
import struct
from dataclasses import dataclass, field

from server import DATABASE, USER

PROTOCOL = 196608
SSL_REQUEST = 80877103
CANCEL_REQUEST = 80877102
TIMEOUT_SECONDS = 60


@dataclass
class Message:
    """One message of the server: its type byte and its body."""

    type: str
    body: bytes

    def fields(self):
        """The fields of an ErrorResponse or NoticeResponse by their letters."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {part[:1].decode(): part[1:].decode() for part in parts if part}

    def values(self):
        """The values of a DataRow as text."""
        (count,), rest, found = struct.unpack("!h", self.body[:2]), self.body[2:], []
        for _ in range(count):
            (length,) = struct.unpack("!i", rest[:4])
            found.append(None if length < 0 else rest[4 : 4 + length].decode())
            rest = rest[4 + max(length, 0) :]
        return tuple(found)


@dataclass
class Wire:
    """A raw connection."""

    port: int
    backend: tuple = None
    parameters: dict = field(default_factory=dict)

    def __post_init__(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send_no_more(self):
        """Closes this side of the connection, unless the server has closed all of it."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def send(self, kind, *parts):
        """Sends a message; text parts get their closing zero, numbers are 16 bits wide."""
        body = b"".join(map(encoded, parts))
        self.send_raw(kind.encode() + struct.pack("!i", len(body) + 4) + body)

    def start(self, **parameters):
        """Sends the start-up packet and reads up to ReadyForQuery or an error; returns the messages."""
        named = {"user": USER, "database": DATABASE, **parameters}
        body = b"".join(encoded(word) for pair in named.items() for word in pair) + b"\0"
        self.send_raw(struct.pack("!ii", len(body) + 8, PROTOCOL) + body)
        return self.until("ZE")

    def read(self):
        """The next message; None at the end of the stream."""
        head = self.input.read(5)
        if len(head) < 5:
            return None
        (length,) = struct.unpack("!i", head[1:])
        return Message(head[:1].decode(), self.input.read(length - 4))

    def until(self, types):
        """Messages up to the first of one of the types, or to the end of the stream."""
        found = []
        while True:
            message = self.read()
            if message is None:
                return found
            found.append(message)
            if message.type in types:
                return found

    def query(self, text):
        self.send("Q", text)
        return self.until("Z")

    def ended(self):
        """Whether the server has closed the connection; reads what is left."""
        try:
            self.until("")
        except ConnectionResetError:
            pass
        return True


def encoded(part):
    if isinstance(part, int):
        return struct.pack("!h", part)
    return part if isinstance(part, bytes) else part.encode() + b"\0"


def int32(number):
    return struct.pack("!i", number)


def kinds(messages):
    """The type bytes in order, asynchronous ones left out."""
    return "".join(message.type for message in messages if message.type not in "NS")


def only_error(messages):
    (error,) = [message.fields() for message in messages if message.type == "E"]
    return error


def started(server):
    """A raw connection ready for queries."""
    wire = Wire(server.port)
    greeting = wire.start()
    assert greeting[-1].type == "Z", greeting
    (key,) = [message.body for message in greeting if message.type == "K"]
    wire.backend = key
    wire.parameters = dict(m.body.decode().split("\0")[:2] for m in greeting if m.type == "S")
    return wire
