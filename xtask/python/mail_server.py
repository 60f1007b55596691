"""A mail server on the loopback address that keeps each mail as a file and delivers none.

    python mail_server.py FOLDER PORT

A file is named after the time at which it came, so that names sort by time.
"""

import asyncio
import os
import sys
import time

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP


class Keep(Sink):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = f"{time.time_ns():020}-{self.count}.eml"
        partial = os.path.join(self.folder, f".{name}")
        with open(partial, "wb") as file:
            file.write(b"".join(b"Delivered-To: %s\r\n" % to.encode() for to in envelope.rcpt_tos))
            file.write(envelope.original_content)
        # Readers of the folder see whole mails only.
        os.rename(partial, os.path.join(self.folder, name))
        return "250 2.0.0 kept"


async def main(folder, port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Keep(folder), hostname="localhost", enable_SMTPUTF8=True), "127.0.0.1", int(port)
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
