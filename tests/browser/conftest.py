"""The browser tests use the end-to-end tests' Larder and stand-in Hub."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from e2e.conftest import hub, larder, make_larder, session_hub  # noqa: E402,F401
