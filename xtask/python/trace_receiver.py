"""Takes the datagrams of traces on the loopback address, and keeps each one as a file.

    python trace_receiver.py FOLDER PORT

A file is named after the time at which it came, so that names sort by time. The oldest files go when there are too
many bytes, or when they are too old. Nothing here reads what is in a datagram.
"""

import collections
import os
import socket
import sys
import time

MAX_BYTES = 32 * 1024 * 1024
MAX_AGE_SECONDS = 24 * 60 * 60


class Store:
    """The files of a folder, the oldest first."""

    def __init__(self, folder):
        self._folder = folder
        self._kept = collections.deque()
        self._bytes = 0
        self._count = 0
        for name in sorted(os.listdir(folder)):
            if name.endswith(".udp"):
                self._note(name, os.path.getsize(os.path.join(folder, name)))

    def add(self, datagram, now_ns):
        self._count += 1
        name = f"{now_ns:020}-{self._count:06}.udp"
        partial = os.path.join(self._folder, f".{name}")
        with open(partial, "wb") as file:
            file.write(datagram)
        # A reader sees whole datagrams only.
        os.rename(partial, os.path.join(self._folder, name))
        self._note(name, len(datagram))
        self._forget(now_ns)

    def _note(self, name, size):
        self._kept.append((name, size))
        self._bytes += size

    def _forget(self, now_ns):
        oldest = now_ns - MAX_AGE_SECONDS * 1_000_000_000
        while self._kept and (self._bytes > MAX_BYTES or int(self._kept[0][0].split("-")[0]) < oldest):
            name, size = self._kept.popleft()
            self._bytes -= size
            try:
                os.remove(os.path.join(self._folder, name))
            except FileNotFoundError:
                pass


def main(folder, port):
    store = Store(folder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        # A burst of requests must not overflow it while a file is written.
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        receiver.bind(("127.0.0.1", int(port)))
        print("ready", flush=True)
        while True:
            store.add(receiver.recv(65535), time.time_ns())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
