"""Reads kept messages with Python's own mail parser and prints what they say, one JSON line each.

usage: read_mail.py FOLDER
Files may be plain messages or what smtp-sink -d writes (its X- lines before the message are skipped).
"""

import email
import email.policy
import json
import pathlib
import sys

SINK_LINES = (b"X-Client-Addr:", b"X-Client-Proto:", b"X-Helo-Args:", b"X-Mail-Args:", b"X-Rcpt-Args:")


def message_bytes(data):
    while data.startswith(SINK_LINES):
        data = data.split(b"\n", 1)[1]
    return data


def describe(path):
    raw = message_bytes(path.read_bytes())
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    headers = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(str(value))
    sender = message["from"].addresses[0] if message["from"] and message["from"].addresses else None
    recipient = message["to"].addresses[0] if message["to"] and message["to"].addresses else None
    return {
        "file": path.name,
        "headers": headers,
        "from_name": sender.display_name if sender else "",
        "from_email": sender.addr_spec if sender else "",
        "to_email": recipient.addr_spec if recipient else "",
        "text": parts.get("text/plain", ""),
        "html": parts.get("text/html", ""),
        "content_type": message.get_content_type(),
        "defects": defects,
        "longest_line": max((len(line.rstrip(b"\r\n")) for line in raw.split(b"\n")), default=0),
    }


for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.is_file():
        print(json.dumps(describe(path)))
