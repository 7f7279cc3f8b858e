"""Run as `python3 -m tests.hub` or as `python3 tests/hub`."""

import sys
from pathlib import Path

if __package__:
    from .cli import main
else:
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from hub.cli import main

sys.exit(main())
