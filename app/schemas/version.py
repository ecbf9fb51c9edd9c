"""The version of Trinity: shown over HTTP, and read by pyproject.toml."""

from __future__ import annotations

VERSION = "0.1.0"
