"""What a client would rather have: JSON, or a page for people (RFC 9110 §12.5.1)."""

from __future__ import annotations

from falcon.util.mediatypes import quality

from app.schemas.media_types import JSON

HTML = "text/html"


def prefers_html(accept: str | None) -> bool:
    """Whether HTML is named with more weight than JSON: browsers do so, and curl's `*/*` doesn't."""
    if not accept:
        return False
    try:
        return quality(HTML, accept) > quality(JSON, accept)
    except ValueError:  # what Falcon raises for a header that it cannot read is one
        return False
