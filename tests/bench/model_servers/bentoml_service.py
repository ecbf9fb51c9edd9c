"""The pipelines as a BentoML service."""

from typing import Any

import bentoml
import numpy as np
import pandas as pd

from tests.bench.pipelines import forest, matrix, mixed, records

BATCHING = {"batchable": True, "max_batch_size": 256, "max_latency_ms": 10_000}  # it refuses what would take longer


@bentoml.service(workers=2)
class Pipelines:
    """One route for each pipeline."""

    def __init__(self) -> None:
        X, y = matrix()
        rows, labels = records()
        self.forest = forest.fit(X, y)
        self.mixed = mixed.fit(pd.DataFrame(rows), labels)

    @bentoml.api(route="/forest", **BATCHING)
    def predict_forest(self, X: list[list[float]]) -> list[str]:
        """Predict for rows of numbers."""
        return self.forest.predict(np.array(X)).tolist()

    @bentoml.api(route="/mixed", **BATCHING)
    def predict_mixed(self, X: list[dict[str, Any]]) -> list[str]:
        """Predict for rows with names."""
        return self.mixed.predict(pd.DataFrame(X)).tolist()
