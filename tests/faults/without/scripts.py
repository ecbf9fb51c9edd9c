"""Alters the ledger's scripts as they are registered; what is to be altered must be there, or the stack won't start."""

from pathlib import Path
from typing import Any

from redis import Redis

import app

LEDGER = Path(app.__file__).parent / "queue" / "ledger"


def alter(*changes: tuple[str, str]) -> None:
    """From now on every script that holds a text gets another in its place; LookupError when no script holds it."""
    texts = [path.read_text(encoding="utf-8") for path in LEDGER.rglob("*.lua")]
    for old, _ in changes:
        if not any(old in text for text in texts):
            raise LookupError(f"no script of the ledger has the text {old!r}: the control must follow the code")
    register = Redis.register_script

    def altered(self: Redis, script: Any) -> Any:
        for old, new in changes:
            script = script.replace(old, new)
        return register(self, script)

    Redis.register_script = altered  # type: ignore[method-assign]
