#!/usr/bin/env python3
"""Consumes the events of a tenant and takes down each once, whatever comes twice: python3 consume.py ended-runs.jsonl

Needs no package: it speaks NATS's protocol itself, as far as a consumer needs it. A program of yours is better off with
nats-py. Environment: NATS_URL, with user and password where the server asks for them; TENANT_ID; CONSUMER, the name of the
durable position; EVENTS, after the tenant in the subject, ">" for all; SINCE, a time to begin at, for a position that is new.
"""
import json
import os
import socket
import sys
from urllib.parse import unquote, urlsplit

STREAM = "MESH_EVENTS"
consumer = os.environ.get("CONSUMER", "ended-runs")
tenant = os.environ["TENANT_ID"]
subject = f"mesh.events.{tenant}.{os.environ.get('EVENTS', 'agents.run.ended')}"
url = urlsplit(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
path = sys.argv[1] if len(sys.argv) > 1 else "events.jsonl"

connection = socket.create_connection((url.hostname, url.port or 4222))
lines = connection.makefile("rb")
inbox = f"_INBOX_{consumer}.{os.getpid()}"


def send(line, payload=None):
    body = b"" if payload is None else payload + b"\r\n"
    connection.sendall(line.encode() + b"\r\n" + body)


def publish(to, payload, reply=""):
    send(f"PUB {to} {reply + ' ' if reply else ''}{len(payload)}", payload)


def receive():
    """The next message: its reply subject, status (None for one with content) and content."""
    while True:
        words = lines.readline().decode().split()
        if not words:
            raise ConnectionError("the server has closed the connection")
        if words[0] == "PING":
            send("PONG")
        elif words[0] == "-ERR":
            raise ConnectionError(" ".join(words[1:]))
        elif words[0] == "MSG":
            size = int(words[-1])
            content = lines.read(size + 2)[:size]
            return (words[3] if len(words) == 5 else ""), None, content
        elif words[0] == "HMSG":
            header_size, size = int(words[-2]), int(words[-1])
            content = lines.read(size + 2)[:size]
            status = content[:header_size].split(b"\r\n")[0].split()[1:2]
            reply = words[3] if len(words) == 6 else ""
            return reply, (status[0].decode() if status else None), content[header_size:]


def api(name, request):
    publish(f"$JS.API.{name}", json.dumps(request).encode(), inbox)
    answer = json.loads(receive()[2])
    if "error" in answer:
        raise RuntimeError(answer["error"]["description"])
    return answer


lines.readline()  # What the server says of itself.
login = {"user": unquote(url.username), "pass": unquote(url.password or "")} if url.username else {}
send("CONNECT " + json.dumps({"verbose": False, "pedantic": False, "headers": True, "no_responders": True, **login}))
send(f"SUB {inbox} 1")

since = os.environ.get("SINCE")
config = {"durable_name": consumer, "name": consumer, "filter_subject": subject, "ack_policy": "explicit"}
config |= {"deliver_policy": "by_start_time", "opt_start_time": since} if since else {"deliver_policy": "all"}
api(f"CONSUMER.CREATE.{STREAM}.{consumer}.{subject}", {"stream_name": STREAM, "config": config})

# A table with (source, id) as its unique key does the same, in the transaction of the effect.
known = set()
if os.path.exists(path):
    with open(path, encoding="utf-8") as before:
        known = {json.loads(line)["id"] for line in before}

with open(path, "a", encoding="utf-8") as taken:
    while True:
        request = {"batch": 100, "expires": 30_000_000_000}
        publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}", json.dumps(request).encode(), inbox)
        left = request["batch"]
        while left > 0:
            reply, status, content = receive()
            if status is not None:
                break  # Nothing more came in time: ask again.
            left -= 1
            body = json.loads(content)
            for event in body if isinstance(body, list) else [body]:
                if event["id"] not in known:
                    taken.write(json.dumps(event) + "\n")
                    known.add(event["id"])
            taken.flush()
            # Only now: whoever ends before gets the message again.
            publish(reply, b"+ACK")
