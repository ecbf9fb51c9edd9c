"""GET /docs: Swagger UI over /openapi.json, from files beside this one; nothing comes from elsewhere."""

from __future__ import annotations

import gzip
from pathlib import Path

from falcon.asgi import Request, Response

from app.errors import NotFound
from app.serve.caching import IMMUTABLE, KINDS, REVALIDATE, StaticFile, send_cached, set_security_headers

ASSETS = Path(__file__).resolve().parents[1] / "swagger_ui"
SWAGGER_UI = "swagger-ui-5.35.0"
FILES = {
    "swagger-ui-bundle.js": f"{SWAGGER_UI}/swagger-ui-bundle.js.gz",
    "swagger-ui.css": f"{SWAGGER_UI}/swagger-ui.css.gz",
    "favicon-32x32.png": f"{SWAGGER_UI}/favicon-32x32.png",
    "docs.js": "docs.js",
}
BASE = f"/docs/{SWAGGER_UI}"
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trinity: API</title>
<link rel="icon" type="image/png" href="{BASE}/favicon-32x32.png">
<link rel="stylesheet" href="{BASE}/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<noscript>This page needs JavaScript; <a href="/openapi.json">/openapi.json</a> says the same without.</noscript>
<script src="{BASE}/swagger-ui-bundle.js"></script>
<script src="{BASE}/docs.js"></script>
</body>
</html>
"""


class Docs:
    """GET /docs."""

    def __init__(self) -> None:
        self._page = StaticFile(PAGE.encode())

    async def on_get(self, req: Request, resp: Response) -> None:
        """Send the page."""
        set_security_headers(resp)
        send_cached(req, resp, self._page, "text/html; charset=utf-8", REVALIDATE)


class DocsFile:
    """GET /docs/{release}/{name}: what the page loads, under a path that changes with the version."""

    def __init__(self) -> None:
        self._read: dict[str, StaticFile] = {}

    async def on_get(self, req: Request, resp: Response, release: str, name: str) -> None:
        """Send a file, to be kept for a year."""
        if release != SWAGGER_UI or name not in FILES:
            raise NotFound(f"there is no file {name[:64]!r} of {release[:64]!r}")
        if name not in self._read:
            self._read[name] = _read(ASSETS / FILES[name])
        set_security_headers(resp)
        send_cached(req, resp, self._read[name], KINDS[Path(name).suffix], IMMUTABLE)


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(gzip.decompress(content), content) if path.suffix == ".gz" else StaticFile(content)
