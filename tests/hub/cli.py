"""The command line of the stand-in Hub."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from .server import BIG_SIZE, StandInHub, write_ready


def parser():
    """The options."""
    options = argparse.ArgumentParser(prog="python3 -m tests.hub", description="A stand-in for the Hub, on loopback.")
    options.add_argument("--port", type=int, default=0, help="port of the Hub (0: any free one)")
    options.add_argument("--cdn-port", type=int, default=0, help="port of the CDN (0: any free one)")
    options.add_argument("--ready", type=Path, metavar="FILE", help="write the URLs to FILE once listening")
    options.add_argument("--set", choices=("demo", "all"), default="demo", help="which repos to serve")
    options.add_argument(
        "--rate", type=int, default=0, metavar="BYTES", help="bytes a second for each CDN answer (0: no limit)"
    )
    options.add_argument("--real-model", type=Path, metavar="DIR", help="serve the files of DIR as a repo of their own")
    options.add_argument(
        "--big-size", type=int, default=BIG_SIZE, metavar="BYTES", help="size of the file in acme/big-1"
    )
    options.add_argument("--cache", type=Path, metavar="DIR", help="where hashes of large files are remembered")
    options.add_argument(
        "--direct", action="store_true", help="answer small files with 200 on resolve, without a redirect"
    )
    options.add_argument(
        "--repo-not-found-code",
        action="store_true",
        help="send X-Error-Code: RepoNotFound with the 401 of a missing repo (the real Hub does not)",
    )
    return options


def main(arguments=None):
    """Serve until a signal ends it."""
    asked = parser().parse_args(arguments)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    if asked.ready:
        asked.ready.unlink(missing_ok=True)
    try:
        serve(asked, end)
    except (OSError, ValueError) as error:
        sys.exit(f"stand-in Hub: {error}")
    return 0


def serve(asked, end):
    """Serve as the options say until `end` is set."""
    hub = StandInHub(
        asked.set,
        port=asked.port,
        cdn_port=asked.cdn_port,
        real_model=asked.real_model,
        big_size=asked.big_size,
        cache=asked.cache,
        rate=asked.rate,
        direct=asked.direct,
        repo_not_found_code=asked.repo_not_found_code,
    )
    with hub:
        line = json.dumps(hub.urls())
        print(line, flush=True)
        if asked.ready:
            write_ready(asked.ready, line)
        end.wait()
