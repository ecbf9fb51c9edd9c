"""Pages of applications: page.html of a folder, and the files in its folder `static`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path

from falcon.asgi import Request, Response

from app.errors import NotFound
from app.serve.caching import MEDIA_TYPES, REVALIDATE, StaticFile, send_cached, set_security_headers
from app.serve.openapi.parts import IF_NONE_MATCH, TEXT, ResponseSpec
from app.serve.resources.route import Route

PAGE = "page.html"
STATIC = "static"
SHARED = Path(__file__).parents[1] / "page/static/requests.js"
"""What every page may load beside its own files: keys, and words for what is refused."""
MAX_SHOWN = 64
_TITLE = re.compile(r"<title>([^<]+)</title>", re.IGNORECASE)


class PageResource:
    """The page and its files, read when the process starts: no request names a path of the disk."""

    def __init__(self, folder: Path) -> None:
        """Read them; raise ValueError for a file of unknown type, OSError if the page is missing."""
        content = (folder / PAGE).read_bytes()
        self._page = StaticFile(content)
        title = _TITLE.search(content.decode(errors="replace"))
        self.title = html.unescape(title[1]).strip() if title else ""
        static = folder / STATIC
        names = sorted(static.iterdir()) if static.is_dir() else []
        files = [each for each in names if each.is_file() and not each.is_symlink() and not each.name.startswith(".")]
        if odd := [file.name for file in files if file.suffix not in MEDIA_TYPES]:
            raise ValueError(f"{odd[0]!r} of a page has a type other than {', '.join(MEDIA_TYPES)}")
        self._files = {file.name: _kept(file) for file in files}
        self._shared = {SHARED.name: _kept(SHARED)}

    async def on_get(self, req: Request, resp: Response) -> None:
        """Send the page."""
        set_security_headers(resp, blobs=True)
        send_cached(req, resp, self._page, MEDIA_TYPES[".html"], REVALIDATE)

    async def on_get_file(self, req: Request, resp: Response, file: str) -> None:
        """Send a file of the page."""
        found = self._files.get(file) or self._shared.get(file)
        if found is None:
            raise NotFound(f"the page has no file {file[:MAX_SHOWN]!r}")
        set_security_headers(resp)
        send_cached(req, resp, *found, REVALIDATE)


def _kept(file: Path) -> tuple[StaticFile, str]:
    return StaticFile(file.read_bytes()), MEDIA_TYPES[file.suffix]


def page_routes(path: str, folder: Path, description: str) -> list[Route]:
    """Return the routes of a page at `path`: it names its files relative to that, {last part of path}/static/{file}.

    Raise ValueError for a file of unknown type, OSError if there is no page.html.
    """
    resource = PageResource(folder)
    responses = {
        200: ResponseSpec("The page.", {"text/html": TEXT}, {"ETag": "Changes with the page."}),
        304: ResponseSpec("The caller has this page.", {}, {"ETag": "Changes with the page."}),
    }
    return [
        Route("GET", path, description, responses, parameters=(IF_NONE_MATCH,), resource=resource),
        Route(
            "GET", f"{path}/{STATIC}/{{file}}", "A file of that page.", public=False, resource=resource, suffix="file"
        ),
    ]


def page_titles(routes: Iterable[Route]) -> dict[str, str]:
    """Return the titles of the pages among the routes by their paths; without a title, the path is used."""
    pages = ((route.path, route.resource) for route in routes if route.public)
    return {path: page.title or path for path, page in pages if isinstance(page, PageResource)}
