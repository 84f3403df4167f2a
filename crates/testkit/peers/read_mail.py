"""Reads kept messages with Python's own mail parser and prints what they say, one JSON line each.

usage: read_mail.py FOLDER
Files may be plain messages or what smtp-sink -d writes (its own lines before the message are skipped).
"""

import email
import email.header
import email.policy
import email.utils
import json
import pathlib
import sys

SINK_LINES = (b"X-Client-Addr:", b"X-Client-Proto:", b"X-Helo-Args:", b"X-Mail-Args:", b"X-Rcpt-Args:")


def message_bytes(data):
    if not data.startswith(SINK_LINES):
        return data
    while data.startswith(SINK_LINES):
        data = data.split(b"\n", 1)[1]
    # It adds a Received header, stores lines with LF, and ends the file with an empty line of its own.
    data = data[data.index(b"From: "):]
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").rstrip(b"\r\n") + b"\r\n"


def as_text(value):
    # Raw UTF-8, as SMTPUTF8 lets it stand in a header, comes out of the parser as surrogates.
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8")


def mailbox(message, name):
    """Name and address of a header with one mailbox.

    From a message read through the older interface: the newer one puts a space between two encoded words of a name.
    """
    value = next((value for found, value in message.raw_items() if found.lower() == name), "")
    shown, address = email.utils.parseaddr(as_text(value))
    return str(email.header.make_header(email.header.decode_header(shown))), address


def describe(path):
    raw = message_bytes(path.read_bytes())
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    headers = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(as_text(value))
    plain = email.message_from_bytes(raw, policy=email.policy.compat32)
    from_name, from_email = mailbox(plain, "from")
    to_name, to_email = mailbox(plain, "to")
    return {
        "headers": headers,
        "from_name": from_name,
        "from_email": from_email,
        "to_name": to_name,
        "to_email": to_email,
        "text": parts.get("text/plain", ""),
        "html": parts.get("text/html", ""),
        "content_type": message.get_content_type(),
        "defects": defects,
        "longest_line": max((len(line.rstrip(b"\r\n")) for line in raw.split(b"\n")), default=0),
    }


for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.is_file():
        print(json.dumps(describe(path)))
