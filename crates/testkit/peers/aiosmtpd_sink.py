"""An SMTP sink on Debian's aiosmtpd, which offers no PIPELINING: keeps every message as a file.

usage: aiosmtpd_sink.py FOLDER
Prints the port it listens on (loopback), one line; runs until its standard input is closed.
"""

import asyncio
import pathlib
import sys

from aiosmtpd.smtp import SMTP


class KeepEverything:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.split("@")[0].startswith("gone"):
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = self.folder / f"{self.count:07}.eml"
        name.write_bytes(envelope.content)
        return "250 2.0.0 Kept"


async def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    handler = KeepEverything(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, loop=loop), host="127.0.0.1", port=0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
