"""The model whose champion stays while cases are sent, since the document describes the version that serves."""

from typing import Any

FIXED_MODEL = "polynomial"  # the default too
CHAMPION, OTHER = "champion", "challenger"


def leave_champion(path: str, parameters: dict[str, Any] | None, query: Any, body: Any) -> None:
    """Have a case mean another alias where it would move, or remove, the champion of the fixed model.

    Every other case stays as it is: other aliases of this model, and champions of other models.
    """
    parameters = parameters or {}
    if parameters.get("name") == FIXED_MODEL and parameters.get("alias") == CHAMPION:
        parameters["alias"] = OTHER
    model = parameters.get("name") or (body.get("model") if isinstance(body, dict) else None) or FIXED_MODEL
    if not path.endswith("/fit") or model != FIXED_MODEL:
        return
    if isinstance(query, dict) and "promote" in query:
        query["promote"] = OTHER if query["promote"] == CHAMPION else query["promote"]
    promote = body.get("promote") if isinstance(body, dict) else None
    if isinstance(promote, dict) and promote.get("alias", CHAMPION) == CHAMPION:
        promote["alias"] = OTHER
