"""Run in a network namespace of its own: a Hub at a public address that leads to private ones, then a program.

    elsewhere.py FILE PROGRAM

Whoever is asked at a private address is written to FILE. The public address is nobody's in here but ours.
"""

import fcntl
import http.server
import os
import socket
import struct
import sys
import threading

PUBLIC, PORT = "93.184.216.34", 8000
PRIVATE = {"127.0.0.1": 8001, "169.254.169.254": 80, "10.0.0.1": 80, "192.168.1.1": 80}
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8913, 0x8914, 0x8916, 1


def bring_up():
    """The loopback interface, with all of these addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16xh", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16s16x", b"lo"))[:18])[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        for number, address in enumerate([PUBLIC, *list(PRIVATE)[1:]]):  # the first is there already
            name = f"lo:{number}".encode()
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sH2x4s8x", name, socket.AF_INET, socket.inet_aton(address)))


class Hub(http.server.BaseHTTPRequestHandler):
    """Leads whoever asks for acme/<address> to that address."""

    def do_GET(self):
        """A redirect."""
        address = self.path.split("/acme/at-")[1].split("/")[0]
        self.send_response(302)
        self.send_header("Location", f"http://{address}:{PRIVATE[address]}/latest/meta-data")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


class Inside(http.server.BaseHTTPRequestHandler):
    """What nobody from outside shall reach."""

    def do_GET(self):
        """Written down."""
        with open(sys.argv[1], "a", encoding="utf-8") as file:
            file.write(f"{self.server.server_address} {self.path}\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


def serve():
    """All of the servers, until the process is killed."""
    servers = [http.server.ThreadingHTTPServer((PUBLIC, PORT), Hub)]
    servers += [http.server.ThreadingHTTPServer(place, Inside) for place in PRIVATE.items()]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
    return servers


bring_up()
ready, told = os.pipe()
if os.fork() == 0:
    os.set_inheritable(ready, False)
    import ctypes

    serve()
    if os.geteuid() == 0:
        os.setuid(65534)  # as the program, which could not end root's with it
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: gone with the program
    os.write(told, b".")
else:
    os.read(ready, 1)
    os.close(ready)
    os.close(told)
    os.execv(sys.argv[2], sys.argv[2:])
