#!/usr/bin/env python3
"""Writes the small networks of this folder and vectors.json, what onnxruntime makes of them.

    pip install onnx onnxruntime numpy && ./make_onnx.py
"""
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
RANDOM = np.random.default_rng(7)


def weight(name: str, *shape: int) -> onnx.TensorProto:
    fan = int(np.prod(shape[1:])) or 1
    return numpy_helper.from_array((RANDOM.standard_normal(shape) / np.sqrt(fan)).astype(np.float32), name)


def write(name: str, inputs, outputs, nodes, weights, labels=()) -> None:
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    if labels:
        helper.set_model_props(model, {"labels": json.dumps(list(labels))})
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def value(name: str, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def segment() -> None:
    """Grey 12 x 16 -> three classes: down, up, and an add across."""
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    none = numpy_helper.from_array(np.array([], np.float32), "none")
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("MaxPool", ["r0"], ["p0"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p0", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("LeakyRelu", ["c1"], ["r1"], alpha=0.1),
        helper.make_node("Resize", ["r1", "none", "scales"], ["u1"], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        helper.make_node("Add", ["u1", "r0"], ["a1"]),
        helper.make_node("Conv", ["a1", "w2", "b2"], ["logits"], kernel_shape=[1, 1]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    weights = [weight("w0", 4, 1, 3, 3), weight("b0", 4), weight("w1", 4, 4, 3, 3), weight("b1", 4),
               weight("w2", 3, 4, 1, 1), weight("b2", 3), scales, none]
    write("segment", [value("x", 1, 1, 12, 16)], [value("logits", 1, 3, 12, 16)], nodes[:-1], weights,
          ["background", "bone", "skin"])


def colours() -> None:
    """RGB of any size -> one map of half the size, and a vector of five numbers."""
    nodes = [
        helper.make_node("Conv", ["image", "w0", "b0"], ["c0"], kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                         strides=[2, 2]),
        helper.make_node("Sigmoid", ["c0"], ["map"]),
        helper.make_node("GlobalAveragePool", ["c0"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w1", "b1"], ["scores"], transB=1),
    ]
    weights = [weight("w0", 2, 3, 3, 3), weight("b0", 2), weight("w1", 5, 2), weight("b1", 5)]
    write("colours", [value("image", 1, 3, "height", "width")],
          [value("map", 1, 2, "rows", "columns"), value("scores", 1, 5)], nodes, weights)


def last() -> None:
    """RGB 6 x 8 with the channels last, as networks of TensorFlow come."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w0", "b0"], ["c0"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["c0"], ["y"], perm=[0, 2, 3, 1]),
    ]
    write("channels_last", [value("x", 1, 6, 8, 3)], [value("y", 1, 6, 8, 2)], nodes,
          [weight("w0", 2, 3, 3, 3), weight("b0", 2)])


def vector(name: str, shape: tuple[int, ...]) -> dict:
    """The input is (7 n modulo 256) / 255."""
    image = (np.arange(np.prod(shape)) * 7 % 256).astype(np.float32).reshape(shape) / np.float32(255)
    session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: image})
    return {"model": name, "input_shape": list(shape),
            "outputs": [{"name": output.name, "shape": list(values.shape),
                         "values": [round(float(v), 7) for v in values.ravel()]}
                        for output, values in zip(session.get_outputs(), outputs)]}


segment()
colours()
last()
vectors = [vector("segment", (1, 1, 12, 16)), vector("colours", (1, 3, 10, 14)), vector("channels_last", (1, 6, 8, 3))]
(HERE / "vectors.json").write_text("[\n" + ",\n".join(json.dumps(v) for v in vectors) + "\n]\n")
