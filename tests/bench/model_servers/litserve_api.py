"""A pipeline as a LitServe API: `python -m tests.bench.model_servers.litserve_api PORT PIPELINE`."""

import sys
from typing import Any

import litserve
import numpy as np
import pandas as pd

from tests.bench import pipelines


class Api(litserve.LitAPI):
    """One row a request."""

    def setup(self, device: str) -> None:
        """Fit the pipeline."""
        X, y = pipelines.DATA[sys.argv[2]]()
        self.rows = pd.DataFrame if isinstance(X[0], dict) else np.array
        self.model = getattr(pipelines, sys.argv[2]).fit(self.rows(X), y)

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Return the row."""
        return request["X"][0]

    def batch(self, inputs: list[Any]) -> list[Any]:
        """Rows are put together when they are predicted."""
        return inputs

    def predict(self, rows: list[Any]) -> list[str]:
        """Return their labels."""
        return self.model.predict(self.rows(rows)).tolist()

    def unbatch(self, output: list[str]) -> list[str]:
        """Return the label of each."""
        return output

    def encode_response(self, output: str) -> dict[str, Any]:
        """Return a label as others do."""
        return {"y": [output]}


if __name__ == "__main__":
    api = Api(max_batch_size=256, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=2, generate_client_file=False, log_level="warning"
    )
