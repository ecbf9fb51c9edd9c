"""The page's stylesheet and script, under a path that changes with their content: browsers keep them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from falcon.asgi import Request, Response

from app.errors import NotFound
from app.serve.caching import IMMUTABLE, MEDIA_TYPES, StaticFile, send_cached, set_security_headers
from app.serve.resources.route import route

FOLDER = Path(__file__).parent / "static"


class Assets:
    """GET /page/{digest}/{file}."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            file.name: StaticFile(file.read_bytes()) for file in sorted(folder.iterdir()) if file.suffix in MEDIA_TYPES
        }
        self.digest = hashlib.sha256(b"\0".join(file.plain for file in self._files.values())).hexdigest()[:16]

    @route("/page/{digest}/{file}", "A file of the page at /.", public=False)
    async def on_get(self, req: Request, resp: Response, digest: str, file: str) -> None:
        """Send a file of this version of the page."""
        if digest != self.digest or file not in self._files:
            raise NotFound("the page has changed; load it again")
        set_security_headers(resp)
        send_cached(req, resp, self._files[file], MEDIA_TYPES[Path(file).suffix], IMMUTABLE)
