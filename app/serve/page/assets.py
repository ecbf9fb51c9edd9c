"""The page's stylesheet and script, under a path that changes when they do, so that browsers keep them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from falcon.asgi import Request, Response

from app.errors import NotFound

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Assets:
    """GET /page/{digest}/{file}."""

    path = "/page/{digest}/{file}"

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix in KINDS}
        self.digest = hashlib.sha256(b"\0".join(self._files.values())).hexdigest()[:16]

    async def on_get(self, req: Request, resp: Response, digest: str, file: str) -> None:  # noqa: ARG002
        """Return a file of this very version."""
        if digest != self.digest or file not in self._files:
            raise NotFound("the page has changed; load it again")
        resp.content_type = KINDS[Path(file).suffix]
        resp.set_header("Cache-Control", "public, max-age=31536000, immutable")
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.data = self._files[file]
