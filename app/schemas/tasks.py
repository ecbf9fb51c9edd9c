"""What kinds of work models do, what a classifier's labels may be, and how versions are stored."""

from __future__ import annotations

from typing import Literal, TypeAlias

Task: TypeAlias = Literal["regression", "classification"]
Label: TypeAlias = bool | int | str
"""A y of a classifier, as it came: whole numbers are int, however they were written."""
LabelKind: TypeAlias = Literal["any", "text", "integer", "boolean"]
"""What labels may be: at a fit anything that all of them are, later what those of the fit were."""
Format: TypeAlias = Literal["arrays", "skops", "onnx", "xgboost", "lightgbm"]
"""How what was learned is stored: "arrays" for one's own classes, or the format of the library."""
Stacks: TypeAlias = Literal["exact", "close", "no"]
"""Whether rows may be predicted together with others: to the last bit as alone, nearly so, or not at all."""
