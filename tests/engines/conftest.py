"""Tests with servers and engines that other people wrote: `make test-engines` installs them."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))
