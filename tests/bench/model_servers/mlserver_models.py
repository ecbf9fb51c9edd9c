"""The pipelines as models of MLServer."""

import numpy as np
import pandas as pd
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from tests.bench.pipelines import forest, matrix, mixed, records


class Forest(MLModel):
    """The forest, for a matrix."""

    async def load(self) -> bool:
        """Fit it."""
        X, y = matrix()
        self.model = forest.fit(np.array(X), y)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return labels."""
        labels = self.model.predict(NumpyCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("y", labels.tolist())])


class Mixed(MLModel):
    """The pipeline of numbers and texts, for a frame."""

    async def load(self) -> bool:
        """Fit it."""
        rows, y = records()
        self.model = mixed.fit(pd.DataFrame(rows), y)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return labels."""
        labels = self.model.predict(PandasCodec.decode_request(payload))
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("y", labels.tolist())])
