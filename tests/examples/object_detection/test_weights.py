"""The network is NanoDet's: its file is the tested one, and gives what numpy makes of the original graph."""

import hashlib
import io
import json

import numpy as np
import onnxruntime
import pytest

from examples.object_detection import weights
from examples.object_detection.detection import session
from examples.object_detection.weights.converter import DISTANCES, SCORES, Converter
from tests.examples.object_detection.reference import CELLS, REFERENCE, noise
from tests.examples.object_detection.small_graph import small_graph
from tests.examples.object_detection.tfjs import Evaluation


def test_the_weights_are_those_that_were_tested() -> None:
    assert weights.in_place()


def test_outputs_are_those_of_the_original_graph() -> None:
    found = dict(zip(("scores", "distances"), session().run(None, {"pictures": noise()[:1]}), strict=True))
    for output, rows in json.loads(REFERENCE.read_text()).items():
        np.testing.assert_allclose(found[output][0][CELLS], rows, rtol=1e-3, atol=1e-5)


def test_a_picture_gives_the_same_alone_and_among_others() -> None:
    together = session().run(None, {"pictures": noise()})
    alone = session().run(None, {"pictures": noise()[1:]})
    for one, many in zip(alone, together, strict=True):
        np.testing.assert_allclose(one[0], many[1], rtol=1e-4, atol=1e-6)


def test_every_operation_converts_to_what_numpy_computes() -> None:
    graph, data = small_graph()
    pictures = noise()
    model = Converter(graph, data).convert().SerializeToString()
    outputs = onnxruntime.InferenceSession(model).run(["scores", "distances"], {"pictures": pictures})
    for picture in range(2):
        evaluation = Evaluation(graph, data, pictures[picture : picture + 1])
        for found, parts in zip(outputs, (SCORES, DISTANCES), strict=True):
            expected = np.concatenate([evaluation[part] for part in parts], axis=1)[0]
            np.testing.assert_allclose(found[picture], expected, rtol=1e-4, atol=1e-4)


def test_a_conversion_gives_the_same_bytes_each_time() -> None:
    graph, data = small_graph()
    digests = {hashlib.sha256(Converter(graph, data).convert().SerializeToString()).hexdigest() for _ in range(2)}
    assert len(digests) == 1


def test_another_package_than_the_published_one_is_refused() -> None:
    with pytest.raises(ValueError, match="not the one that npm published"):
        weights.convert(io.BytesIO(b"something else"))
