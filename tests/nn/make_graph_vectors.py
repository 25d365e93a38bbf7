#!/usr/bin/env python3
"""Makes data/graph/: small networks of Keras as HDF5, and what Keras itself gives for stored inputs.

    pip install tensorflow-cpu==2.15.1; python3 make_graph_vectors.py [SagittalSpine_05.h5]

`small.h5` has every layer that the converter knows, with odd sizes and random weights. With the public network's file it
also writes `bone.json`: a few values of its output for an input that the test makes itself.
"""
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow
from tensorflow import keras
from keras import layers

DATA = Path(__file__).parent / "data" / "graph"


def small_network():
    image = keras.Input((19, 22, 3), name="image")
    mask = keras.Input((10, 11, 2), name="mask")
    x = layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="down")(image)
    x = layers.BatchNormalization(name="norm_after_relu")(x)
    x = layers.Concatenate(name="joined")([x, mask])
    y = layers.Conv2D(7, (2, 3), padding="same", use_bias=False, name="plain")(x)
    y = layers.BatchNormalization(scale=False, name="norm_folded")(y)
    y = layers.LeakyReLU(alpha=0.2, name="leaky")(y)
    pooled = layers.MaxPooling2D((3, 2), strides=2, padding="same", name="highest")(y)
    mean = layers.AveragePooling2D((2, 3), strides=2, padding="same", name="mean")(y)
    z = layers.Add(name="sum")([pooled, mean])
    z = layers.Conv2D(7, 3, dilation_rate=2, padding="same", activation="sigmoid", name="wide")(z)
    z = layers.Dropout(0.5, name="nothing")(z)
    z = layers.UpSampling2D((2, 2), interpolation="bilinear", name="smooth")(z)
    w = layers.UpSampling2D((2, 1), name="blocks")(pooled)
    w = layers.Conv2D(7, (1, 5), padding="same", name="short")(w)
    w = layers.UpSampling2D((1, 2), name="more_blocks")(w)
    x = layers.Concatenate(name="end")([z, w])
    x = layers.BatchNormalization(name="norm_alone")(x)
    x = layers.Activation("relu", name="relu")(x)
    classes = layers.Conv2D(3, 4, padding="valid", activation="softmax", name="classes")(x)
    return keras.Model([image, mask], [classes, pooled], name="small")


def randomise(network, random):
    for layer in network.layers:
        shapes = [w.shape for w in layer.get_weights()]
        values = [random.normal(0, 0.5, shape) for shape in shapes]
        if isinstance(layer, layers.BatchNormalization):
            values[-1] = random.uniform(0.3, 2, shapes[-1])
        layer.set_weights([np.float32(v) for v in values])


def bone_input():
    """A bright arc over a gradient, 0 to 1; the C++ test makes the same."""
    y, x = np.mgrid[0:128, 0:128].astype(np.float64)
    arc = np.exp(-((np.hypot(x - 64, y - 20) - 60) / 3) ** 2)
    return np.float32(np.clip(0.2 * y / 127 + 0.8 * arc, 0, 1))


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    network = small_network()
    randomise(network, random)
    network.save(DATA / "small.h5", save_format="h5", include_optimizer=False)
    inputs = [np.float32(random.normal(0, 1, (1, *shape[1:]))) for shape in network.input_shape]
    outputs = network(inputs)
    expected = {"about": "small.h5 of Keras in TensorFlow " + tensorflow.__version__,
                "inputs": [np.round(v, 4).ravel().tolist() for v in inputs]}
    inputs = [np.float32(np.reshape(v, w.shape)) for v, w in zip(expected["inputs"], inputs)]
    outputs = network(inputs)
    expected["outputs"] = [[float(f"{x:.7g}") for x in np.asarray(v).ravel()] for v in outputs]
    (DATA / "small.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    if len(sys.argv) > 1:
        bone = keras.models.load_model(sys.argv[1], compile=False)
        out = np.asarray(bone(bone_input()[None, :, :, None]))[0, :, :, 1]
        at = [[int(y), int(x)] for y in range(3, 128, 11) for x in range(2, 128, 9)] + [[0, 0], [127, 127], [0, 127], [127, 0]]
        at += [[int(y), int(x)] for y, x in np.argwhere(out > 0.5)[::40]]
        (DATA / "bone.json").write_text(json.dumps(
            {"about": "SagittalSpine_05.h5 of SlicerIGT/aigt (BSD-3), channel 1, Keras in TensorFlow " + tensorflow.__version__,
             "mean": float(out.mean()), "above_half": int((out > 0.5).sum()), "at": at,
             "values": [float(f"{out[y, x]:.7g}") for y, x in at]}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
