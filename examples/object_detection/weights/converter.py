"""Writes NanoDet's TensorFlow.js graph as ONNX: NCHW throughout, any number of pictures, weights of 16 bits."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

OPSET = 18
IR_VERSION = 8
SIDE = 416  # pixels
TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
SCORES = ["Identity", "Identity_1", "Identity_2"]  # strides 8, 16 and 32
DISTANCES = ["Identity_3", "Identity_4", "Identity_5"]


def read_constants(manifest: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Array]:
    """Return the constants of a TensorFlow.js weights manifest; floats stay as stored, in 16 bits."""
    constants: dict[str, Array] = {}
    start = 0
    for entry in manifest[0]["weights"]:
        dtype = np.dtype(entry.get("quantization", entry)["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"]))
        constants[entry["name"]] = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
        start += count * dtype.itemsize
    if start != len(data):
        raise ValueError(f"the manifest describes {start} bytes of weights, the file has {len(data)}")
    return constants


class Converter:
    """Emits one ONNX node for each step of the graph that computes something.

    The source transposes to NHWC and back around each convolution, and pads before it. Here a transpose between these
    layouts is only another name for the same tensor, and padding waits for the convolution or pooling that takes it in.
    """

    def __init__(self, graph: Mapping[str, Any], data: bytes) -> None:
        self.constants = read_constants(graph["weightsManifest"], data)
        self.sources = {node["name"]: node for node in graph["modelTopology"]["node"]}
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names: dict[str, str] = {"input_1": "pictures"}
        self._paddings: dict[str, list[int]] = {}

    def convert(self) -> onnx.ModelProto:
        """Return the whole model: pictures [n, 3, 416, 416] to scores [n, 3549, 80] and distances [n, 3549, 44]."""
        for output, parts in (("scores", SCORES), ("distances", DISTANCES)):
            self._emit("Concat", [self._tensor(part) for part in parts], output, axis=1)
        graph = helper.make_graph(
            self.nodes,
            "nanodet",
            [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
            [
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", None, 80]),
                helper.make_tensor_value_info("distances", TensorProto.FLOAT, ["n", None, 44]),
            ],
            self.initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _tensor(self, name: str) -> str:
        """Return the ONNX name of a tensor; emit what it depends on first."""
        if name not in self._names:
            source = self.sources[name.partition(":")[0]]
            self._names[name] = getattr(self, f"_{source['op'].lower()}")(source, name)
        return self._names[name]

    def _emit(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def _weights(self, name: str, values: Array) -> str:
        """Add an initializer of 16 bits and its cast to 32, in which everything is computed."""
        half = np.ascontiguousarray(values.astype("<f2", copy=False))
        self.initializers.append(numpy_helper.from_array(half, f"{name}/16"))
        return self._emit("Cast", [f"{name}/16"], name, to=TensorProto.FLOAT)

    def _fixed(self, name: str, values: Array) -> str:
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def _identity(self, source: Mapping[str, Any], _name: str) -> str:
        return self._tensor(source["input"][0])

    def _transpose(self, source: Mapping[str, Any], name: str) -> str:
        order = self.constants[source["input"][1]].tolist()
        if order in (TO_NHWC, TO_NCHW):
            return self._tensor(source["input"][0])
        return self._emit("Transpose", [self._tensor(source["input"][0])], name, perm=order)

    def _pad(self, source: Mapping[str, Any], _name: str) -> str:
        before = self._tensor(source["input"][0])
        (top, bottom), (left, right) = self.constants[source["input"][1]][2:].tolist()
        name = f"{before}/padded"
        self._paddings[name] = [top, left, bottom, right]
        return name

    _padv2 = _pad  # pads with the lowest number, as ONNX does in MaxPool

    def _window(self, source: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the input of a convolution or pooling without its padding, and attributes that both have."""
        name = self._tensor(source["input"][0])
        strides = [int(step) for step in source["attr"]["strides"]["list"]["i"][1:3]]
        if base64.b64decode(source["attr"]["padding"]["s"]) != b"VALID":
            raise ValueError(f"{source['name']}: only padding VALID is known")
        return name.removesuffix("/padded"), {"strides": strides, "pads": self._paddings.get(name, [0, 0, 0, 0])}

    def _add(self, source: Mapping[str, Any], name: str) -> str:
        first, second = source["input"]
        if second not in self.constants:
            return self._emit("Add", [self._tensor(first), self._tensor(second)], name)
        convolution = self.sources[first]
        before, attributes = self._window(convolution)
        kernel = self.constants[convolution["input"][1]].transpose(3, 2, 0, 1)  # HWIO to OIHW
        inputs = [
            before,
            self._weights(f"{name}/kernel", kernel),
            self._weights(f"{name}/bias", self.constants[second]),
        ]
        return self._emit("Conv", inputs, name, **attributes)

    def _maxpool(self, source: Mapping[str, Any], name: str) -> str:
        before, attributes = self._window(source)
        sides = [int(side) for side in source["attr"]["ksize"]["list"]["i"][1:3]]
        return self._emit("MaxPool", [before], name, kernel_shape=sides, **attributes)

    def _leakyrelu(self, source: Mapping[str, Any], name: str) -> str:
        return self._emit("LeakyRelu", [self._tensor(source["input"][0])], name, alpha=source["attr"]["alpha"]["f"])

    def _sigmoid(self, source: Mapping[str, Any], name: str) -> str:
        return self._emit("Sigmoid", [self._tensor(source["input"][0])], name)

    def _concatv2(self, source: Mapping[str, Any], name: str) -> str:
        *parts, axis = source["input"]
        return self._emit("Concat", [self._tensor(part) for part in parts], name, axis=int(self.constants[axis]))

    def _resizebilinear(self, source: Mapping[str, Any], name: str) -> str:
        before = self._tensor(source["input"][0])
        sides = self._fixed(f"{name}/sides", self.constants[source["input"][1]].astype(np.int64))
        return self._emit("Resize", [before, "", "", sides], name, mode="linear", axes=[2, 3])

    def _splitv(self, source: Mapping[str, Any], name: str) -> str:
        first = source["name"]
        outputs = [first, f"{first}:1"]
        if first not in self._names.values():
            sizes = self._fixed(f"{first}/sizes", self.constants[source["input"][1]].astype(np.int64))
            axis = int(self.constants[source["input"][2]])
            self.nodes.append(helper.make_node("Split", [self._tensor(source["input"][0]), sizes], outputs, axis=axis))
            self._names |= {output: output for output in outputs}
        return name

    def _reshape(self, source: Mapping[str, Any], name: str) -> str:
        shape = self.constants[self.sources[source["input"][1]]["input"][0]]  # what is added to it is 0
        free = np.array([0, *shape[1:]], np.int64)  # 0: as many pictures as come in
        return self._emit("Reshape", [self._tensor(source["input"][0]), self._fixed(f"{name}/shape", free)], name)
