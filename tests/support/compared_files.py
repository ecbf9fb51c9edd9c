"""A file model whose versions a gate compares, for TRINITY_MODELS."""

from pathlib import Path
from types import MappingProxyType

from tests.support.file_models import Measurer


class Knower(Measurer):
    """Scores by how many of the names it knows from its fit."""

    name = "knower"
    metrics = MappingProxyType({"known": "higher", "unknown": "lower"})

    def score(self, folder: Path) -> dict[str, float | None]:
        names = [path.name for path in folder.rglob("*") if path.is_file()]
        known = float(len(set(names) & set(self.names_)))
        return {"known": known, "unknown": len(names) - known}
