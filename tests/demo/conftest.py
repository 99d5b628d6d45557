"""Lets the tests import the image builder as its own program does."""

from __future__ import annotations

import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[2] / "demo" / "images"
sys.path.insert(0, str(IMAGES))
