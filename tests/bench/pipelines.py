"""The pipelines of the benchmark of batching, served by Trinity and by the servers that it is compared with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 1_000
CITIES = ["Basel", "Bern", "Chur", "Genf", "Zug"]

forest = RandomForestClassifier(100, random_state=0)
mixed = make_pipeline(
    ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["age", "income"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
        ]
    ),
    LogisticRegression(),
)


def matrix() -> tuple[list[list[float]], list[str]]:
    """Rows of four numbers, and a label for each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 4)).round(3)
    y = np.where(X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=ROWS) > 0, "yes", "no")
    return X.tolist(), y.tolist()


def records() -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of two numbers and two texts, and a label for each."""
    X, y = matrix()
    rows = [
        {"age": 40 + 10 * a, "income": 5e4 + 1e4 * b, "city": CITIES[int(abs(c) * 10) % 5], "plan": "AB"[d > 0]}
        for a, b, c, d in X
    ]
    return rows, y


DATA: dict[str, Callable[[], tuple[list[Any], list[str]]]] = {"forest": matrix, "mixed": records}
