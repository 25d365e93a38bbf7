#!/usr/bin/env python3
"""A Keras 2 model (HDF5) of a two-dimensional network as a folder that Sagittal runs: network.json, weights.safetensors.

    python3 convert_keras.py SagittalSpine_05.h5 -o bone --divide-by-maximum --flip-vertically --labels background,bone

Nothing of the file is executed. Needs numpy and h5py.
"""
import argparse
import json
import struct
import sys
from pathlib import Path

import numpy as np

ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "softmax": "softmax"}
SKIPPED = {"Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"}  # nothing happens when a network is used


class Unsupported(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Unsupported(message)


def same_padding(size, kernel, stride, dilation):
    """TensorFlow's "same": what is missing, the odd one at the end; [before, after]."""
    covered = (kernel - 1) * dilation + 1
    needed = max(0, (-(-size // stride) - 1) * stride + covered - size)
    return [needed // 2, needed - needed // 2]


class Converter:
    def __init__(self, layers, weights):
        self.layers, self.weights = layers, weights
        self.inputs, self.nodes, self.tensors = [], [], {}
        self.values, self.shapes = {}, {}  # layer -> value name; value name -> (height, width, channels)

    def add(self, name, op, inputs, shape, **facts):
        self.nodes.append({"name": name, "op": op, "inputs": inputs, **facts})
        self.shapes[name] = shape
        return name

    def activation(self, name, source, kind):
        expect(kind in ACTIVATIONS, f"layer {name}: activation {kind!r}")
        return self.add(name, ACTIVATIONS[kind], [source], self.shapes[source])

    def window(self, name, source, kernel, stride, padding, dilation=(1, 1)):
        """Padding [top, bottom, left, right] and the size that comes out."""
        expect(padding in ("same", "valid"), f"layer {name}: padding {padding!r}")
        pads, size = [], []
        for axis in range(2):
            extent = self.shapes[source][axis]
            pad = same_padding(extent, kernel[axis], stride[axis], dilation[axis]) if padding == "same" else [0, 0]
            covered = (kernel[axis] - 1) * dilation[axis] + 1
            pads += pad
            size.append((extent + sum(pad) - covered) // stride[axis] + 1)
            expect(size[-1] >= 1, f"layer {name}: nothing comes out")
        return pads, size

    def conv2d(self, name, config, sources):
        expect(config.get("groups", 1) == 1, f"layer {name}: groups")
        kind = config["activation"]
        linear = name if kind == "linear" else name + ".linear"
        source, kernel, stride = sources[0], config["kernel_size"], config["strides"]
        dilation = config.get("dilation_rate", [1, 1])
        padding, size = self.window(name, source, kernel, stride, config["padding"], dilation)
        self.tensors[linear + ".weight"] = self.weights(name, "kernel")
        if config["use_bias"]:
            self.tensors[linear + ".bias"] = self.weights(name, "bias")
        filters = config["filters"]
        self.add(linear, "conv2d", [source], (*size, filters), filters=filters, kernel=kernel, stride=stride,
                 dilation=dilation, padding=padding, bias=config["use_bias"])
        return linear if kind == "linear" else self.activation(name, linear, kind)

    def batch_norm(self, name, config, sources):
        expect(config["axis"] in ([3], 3, [-1], -1), f"layer {name}: axis {config['axis']}")
        channels = self.shapes[sources[0]][2]
        given = {"gamma": config["scale"], "beta": config["center"], "moving_mean": True, "moving_variance": True}
        for key, default in (("gamma", 1), ("beta", 0), ("moving_mean", 0), ("moving_variance", 1)):
            values = self.weights(name, key) if given[key] else np.full(channels, default, np.float32)
            self.tensors[f"{name}.{key.removeprefix('moving_')}"] = values
        return self.add(name, "batch_norm", sources, self.shapes[sources[0]], epsilon=config["epsilon"])

    def pool(self, name, config, sources, op):
        kernel, stride = config["pool_size"], config["strides"]
        padding, size = self.window(name, sources[0], kernel, stride, config["padding"])
        return self.add(name, op, sources, (*size, self.shapes[sources[0]][2]), kernel=kernel, stride=stride,
                        padding=padding)

    def upsample(self, name, config, sources):
        interpolation = config.get("interpolation", "nearest")
        expect(interpolation in ("nearest", "bilinear"), f"layer {name}: interpolation {interpolation!r}")
        height, width, channels = self.shapes[sources[0]]
        factor = config["size"]
        return self.add(name, "upsample", sources, (height * factor[0], width * factor[1], channels), factor=factor,
                        interpolation=interpolation)

    def join(self, name, sources, op):
        first = self.shapes[sources[0]]
        for other in (self.shapes[source] for source in sources):
            expect(other[:2] == first[:2] and (op == "concat" or other == first), f"layer {name}: sizes differ")
        channels = sum(self.shapes[source][2] for source in sources) if op == "concat" else first[2]
        return self.add(name, op, sources, (*first[:2], channels))

    def layer(self, layer):
        kind, config, name = layer["class_name"], layer["config"], layer["name"]
        expect(config.get("data_format", "channels_last") == "channels_last", f"layer {name}: channels first")
        if kind == "InputLayer":
            shape = config["batch_input_shape"][1:]
            expect(len(shape) == 3 and all(isinstance(n, int) and n > 0 for n in shape),
                   f"input {name}: shape {shape}, expected fixed height, width and channels")
            self.inputs.append({"name": name, "shape": shape})
            self.shapes[name] = tuple(shape)
            return name
        nodes = layer["inbound_nodes"]
        expect(len(nodes) == 1, f"layer {name} is used {len(nodes)} times")
        sources = [self.values[entry[0]] for entry in nodes[0]]
        if kind == "Concatenate":
            expect(config["axis"] in (3, -1), f"layer {name}: axis {config['axis']}")
            return self.join(name, sources, "concat")
        if kind == "Add":
            return self.join(name, sources, "add")
        expect(len(sources) == 1, f"layer {name}: {len(sources)} inputs")
        if kind == "Conv2D":
            return self.conv2d(name, config, sources)
        if kind == "BatchNormalization":
            return self.batch_norm(name, config, sources)
        if kind in ("MaxPooling2D", "AveragePooling2D"):
            return self.pool(name, config, sources, "max_pool" if kind.startswith("Max") else "avg_pool")
        if kind == "UpSampling2D":
            return self.upsample(name, config, sources)
        if kind == "Activation":
            return sources[0] if config["activation"] == "linear" else self.activation(name, sources[0],
                                                                                       config["activation"])
        if kind == "ReLU":
            expect(config.get("max_value") is None and not config.get("threshold"), f"layer {name}: a clipped ReLU")
            slope = config.get("negative_slope") or 0.0
            return (self.add(name, "leaky_relu", sources, self.shapes[sources[0]], slope=slope) if slope
                    else self.activation(name, sources[0], "relu"))
        if kind == "LeakyReLU":
            return self.add(name, "leaky_relu", sources, self.shapes[sources[0]], slope=config["alpha"])
        if kind == "Softmax":
            expect(config["axis"] in (3, -1), f"layer {name}: axis {config['axis']}")
            return self.activation(name, sources[0], "softmax")
        expect(kind in SKIPPED, f"layer {name} is a {kind}, which is not supported")
        return sources[0]

    def run(self):
        """In an order in which each layer follows its inputs; Keras stores layers in the order of their making."""
        waiting = list(self.layers)
        while waiting:
            ready = [layer for layer in waiting
                     if all(entry[0] in self.values for node in layer["inbound_nodes"] for entry in node)]
            expect(ready, "the layers refer to each other in a circle")
            self.values[ready[0]["name"]] = self.layer(ready[0])
            waiting.remove(ready[0])


def weight_reader(group):
    def names_of(layer):
        return [name.decode() if isinstance(name, bytes) else name for name in group[layer].attrs["weight_names"]]

    def read(layer, key):
        found = [name for name in names_of(layer) if name.split("/")[-1] == key + ":0"]
        expect(len(found) == 1, f"layer {layer} has {len(found)} weights called {key}")
        values = np.asarray(group[layer][found[0]])
        expect(values.dtype == np.float32, f"{found[0]} is {values.dtype}, expected float32")
        return values

    return read


def safetensors(tensors):
    header, offset = {}, 0
    for name in sorted(tensors):
        size = tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(tensors[name], "<f4").tobytes()
                                                          for name in sorted(tensors))


def convert(file, name, preprocessing, labels):
    """The bytes of network.json and of weights.safetensors."""
    config = file.attrs["model_config"]
    model = json.loads(config if isinstance(config, str) else config.decode())
    expect(model["class_name"] in ("Model", "Functional"), f"a {model['class_name']} model, expected a functional one")
    model = model["config"]
    converter = Converter(model["layers"], weight_reader(file["model_weights"]))
    converter.run()
    outputs = [converter.values[entry[0]] for entry in model["output_layers"]]
    network = {"format": "sagittal-graph", "version": 1, "name": name, "inputs": converter.inputs,
               "nodes": converter.nodes, "outputs": outputs, "preprocessing": preprocessing, "labels": labels}
    text = json.dumps(network, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode(), safetensors(converter.tensors)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    parser.add_argument("--divide-by-maximum", action="store_true", help="images are divided by their maximum")
    parser.add_argument("--flip-vertically", action="store_true", help="images are flipped top to bottom")
    parser.add_argument("--labels", default="", help="names of the output's channels, with commas")
    options = parser.parse_args(arguments)
    import h5py
    preprocessing = {"divide_by_maximum": options.divide_by_maximum, "flip_vertically": options.flip_vertically}
    labels = options.labels.split(",") if options.labels else []
    try:
        with h5py.File(options.file, "r") as file:
            network, weights = convert(file, options.file.stem, preprocessing, labels)
    except Unsupported as problem:
        print(f"{options.file}: {problem}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "weights.safetensors").write_bytes(weights)
    (options.output / "network.json").write_bytes(network)
    return 0


if __name__ == "__main__":
    sys.exit(main())
