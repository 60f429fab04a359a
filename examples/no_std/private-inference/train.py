#!/usr/bin/python3
"""Trains the network of private-inference on Fashion-MNIST, quantises it, and writes the model's files.

It needs NumPy and the images (Debian packages python3-numpy and dataset-fashion-mnist) and takes some minutes:

    /usr/bin/python3 train.py train FOLDER       writes model.tflite, the same as model.bin for the program, and
                                                 samples.bin with ten images and their classes
    /usr/bin/python3 train.py classes FOLDER     writes what model.bin says of the 10,000 test images, a byte each

The files beside this script come from NumPy 1.24.2 with OpenBLAS 0.3.21 on one thread (Debian package
libopenblas0-pthread, OPENBLAS_NUM_THREADS=1). Another library for matrices or another processor rounds otherwise, and
gives other weights.

The network: convolution 5 x 5, stride 2, 16 channels; convolution 3 x 3, stride 2, 48 channels; ten scores. It is
quantised as TensorFlow Lite specifies for 8 bits: int8 weights with a scale for each channel of a convolution, int8
activations with a scale and a zero point for each layer. The form of model.bin stands in program.ts.
"""

import gzip
import struct
import sys

import numpy as np
from tflite import tflite

DATA = "/usr/share/datasets/fashion-mnist/"
EPOCHS = 10
BATCH = 100
RATE = 2e-3


def read(kind):
    """Images as bytes (n, 28, 28), and their classes."""
    with gzip.open(f"{DATA}{kind}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(f"{DATA}{kind}-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def patches(x, size, stride):
    """Every patch of x (n, height, width, channels), as rows: (n, out, out, size * size * channels)."""
    n, height, _, channels = x.shape
    out = (height - size) // stride + 1
    parts = [
        x[:, i : i + stride * out : stride, j : j + stride * out : stride, :]
        for i in range(size)
        for j in range(size)
    ]
    return np.stack(parts, axis=3).reshape(n, out, out, size * size * channels)


def unpatches(rows, shape, size, stride):
    """The transpose of patches: sums what each row says of a place."""
    x = np.zeros(shape, np.float32)
    n, height, _, channels = shape
    out = (height - size) // stride + 1
    parts = rows.reshape(n, out, out, size * size, channels)
    for i in range(size):
        for j in range(size):
            x[:, i : i + stride * out : stride, j : j + stride * out : stride, :] += parts[
                :, :, :, i * size + j, :
            ]
    return x


# Convolutions as (size, stride, channels in, channels out), and how many numbers the scores are computed from.
LAYERS = [(5, 2, 1, 16), (3, 2, 16, 48)]
FLAT = 5 * 5 * 48


def train(images, labels):
    random = np.random.default_rng(1)
    shapes = [(s * s * i, o) for s, _, i, o in LAYERS] + [(FLAT, 10)]
    weights = [(random.standard_normal(s) * np.sqrt(2 / s[0])).astype(np.float32) for s in shapes]
    parameters = weights + [np.zeros(s[1], np.float32) for s in shapes]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    step, steps = 0, EPOCHS * len(images) // BATCH
    for epoch in range(EPOCHS):
        order = random.permutation(len(images))
        right = 0
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            x0 = images[chosen].astype(np.float32)[..., None] / 255
            # Half of the images, mirrored: clothes are what they are from either side.
            mirrored = random.random(len(chosen)) < 0.5
            x0[mirrored] = x0[mirrored][:, :, ::-1]
            w1, w2, w3, b1, b2, b3 = parameters
            p1 = patches(x0, 5, 2)
            x1 = np.maximum(p1 @ w1 + b1, 0)
            p2 = patches(x1, 3, 2)
            x2 = np.maximum(p2 @ w2 + b2, 0)
            flat = x2.reshape(len(chosen), -1)
            scores = flat @ w3 + b3
            right += int((scores.argmax(1) == labels[chosen]).sum())
            scores -= scores.max(1, keepdims=True)
            g = np.exp(scores)
            g /= g.sum(1, keepdims=True)
            g[np.arange(len(chosen)), labels[chosen]] -= 1
            g /= len(chosen)
            g2 = (g @ w3.T).reshape(x2.shape) * (x2 > 0)
            rows2 = g2.reshape(-1, g2.shape[-1])
            g1 = unpatches((rows2 @ w2.T).reshape(p2.shape), x1.shape, 3, 2) * (x1 > 0)
            rows1 = g1.reshape(-1, g1.shape[-1])
            gradients = [
                p1.reshape(-1, p1.shape[-1]).T @ rows1,
                p2.reshape(-1, p2.shape[-1]).T @ rows2,
                flat.T @ g,
                rows1.sum(0),
                rows2.sum(0),
                g.sum(0),
            ]
            step += 1
            # Ever shorter steps, down to none: the network settles.
            rate = RATE * (1 - step / steps)
            for p, gradient, m, v in zip(parameters, gradients, first, second):
                m += 0.1 * (gradient - m)
                v += 0.001 * (gradient * gradient - v)
                p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        print(f"epoch {epoch + 1}: {right / len(images):.4f} of the images to train with", flush=True)
    return parameters


def forward(parameters, images):
    """Activations of the layers, in floats, for the ranges that they take."""
    w1, w2, w3, b1, b2, b3 = parameters
    x0 = images.astype(np.float32)[..., None] / 255
    x1 = np.maximum(patches(x0, 5, 2) @ w1 + b1, 0)
    x2 = np.maximum(patches(x1, 3, 2) @ w2 + b2, 0)
    return x1, x2, x2.reshape(len(images), -1) @ w3 + b3


def quantise(parameters, images):
    """Layers as (weights int8, biases int32, scales of the weights, scale and zero point of the output).

    The first layer's input has the scale 1 / 255 and the zero point -128: a pixel less 128.
    """
    ranges = [
        # The rarest values above it are cut off.
        (0, float(np.percentile(x, 99.95)))
        for x in forward(parameters, images)[:2]
    ]
    scores = forward(parameters, images)[2]
    ranges.append((float(scores.min()), float(scores.max())))
    layers = []
    scale = np.float32(1 / 255)
    for i, (least, most) in enumerate(ranges):
        weights, biases = parameters[i], parameters[3 + i]
        # The weights of a convolution have a scale for each output, those of the scores one for all.
        most_of_each = np.abs(weights).max(0) if i < 2 else np.full(10, np.abs(weights).max())
        scales = (most_of_each / 127).astype(np.float32)
        whole = np.rint(weights / scales).astype(np.int64)
        bias = np.rint(biases / (scales.astype(np.float64) * float(scale))).astype(np.int64)
        scale = np.float32((most - least) / 255)
        zero = int(np.rint(-128 - least / float(scale)))
        layers.append((whole, bias, scales, scale, zero))
    return layers


def multiplier(factor):
    """A positive number as (whole number of 31 bits, shift): whole / 2^shift."""
    fraction, exponent = np.frexp(factor)
    whole = int(np.rint(fraction * 2.0**31))
    if whole == 2**31:
        whole, exponent = whole // 2, exponent + 1
    return whole, 31 - int(exponent)


def folded(layers):
    """Layers as the program has them: (weights, biases, multipliers, shifts, zero, low, high).

    An input's zero point goes into the biases, and the scales into one factor for each output.
    """
    out = []
    scale, zero = np.float32(1 / 255), -128
    for i, (weights, biases, scales, next_scale, next_zero) in enumerate(layers):
        factors = [multiplier(float(scale) * float(each) / float(next_scale)) for each in scales]
        low = next_zero if i < 2 else -128
        out.append(
            (
                weights,
                biases - zero * weights.sum(0),
                np.array([whole for whole, _ in factors], np.int64),
                np.array([shift for _, shift in factors], np.int64),
                next_zero,
                low,
                127,
            )
        )
        scale, zero = next_scale, next_zero
    return out


def infer(layers, images):
    """The quantised network in whole numbers, as the program computes it: the scores."""
    x = images.astype(np.int64)[..., None] - 128
    for (weights, biases, multipliers, shifts, zero, low, high), geometry in zip(layers, LAYERS + [None]):
        rows = patches(x, geometry[0], geometry[1]) if geometry else x.reshape(len(images), -1)
        # Products of whole numbers, in floats: exact below 2^53, and faster.
        sums = (rows.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64) + biases
        x = np.clip(((sums * multipliers + (1 << (shifts - 1))) >> shifts) + zero, low, high)
    return x


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def encode(layers):
    """Vec<Layer>, in the classic encoding."""
    (size1, stride1, _, channels1), (size2, stride2, _, channels2) = LAYERS
    geometry = [
        (28, 1, size1, stride1, channels1),
        (12, channels1, size2, stride2, channels2),
        (1, FLAT, 1, 1, 10),
    ]
    out = varint(len(layers))
    for layer, (side, channels, size, stride, outputs) in zip(layers, geometry):
        weights, biases, multipliers, shifts, zero, low, high = layer
        out += struct.pack("<HHBBH", side, channels, size, stride, outputs)
        # A row for each output: its weights in the order of a patch.
        values = weights.T.astype(np.int8).tobytes()
        out += varint(len(values)) + values
        out += varint(len(biases)) + biases.astype("<i4").tobytes()
        out += varint(len(multipliers)) + multipliers.astype("<i4").tobytes()
        out += varint(len(shifts)) + shifts.astype(np.uint8).tobytes()
        out += struct.pack("<bbb", zero, low, high)
    return out


def decode(data):
    """The inverse of encode."""
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return values

    def count():
        value, shift = 0, 0
        while True:
            (byte,) = take("<B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    layers = []
    for _ in range(count()):
        _, _, _, _, outputs = take("<HHBBH")
        weights = np.array(take(f"<{count()}b"), np.int64).reshape(outputs, -1).T
        biases = np.array(take(f"<{count()}i"), np.int64)
        multipliers = np.array(take(f"<{count()}i"), np.int64)
        shifts = np.array(take(f"<{count()}B"), np.int64)
        layers.append((weights, biases, multipliers, shifts, *take("<bbb")))
    return layers


def classes(layers, images):
    """The class of each image: the index of the largest score, the first of equal ones."""
    return infer(layers, images).argmax(1).astype(np.uint8)


def main():
    task, folder = sys.argv[1:]
    tests, expected = read("t10k")
    if task == "classes":
        with open(f"{folder}/model.bin", "rb") as file:
            found = classes(decode(file.read()), tests)
        print(f"accuracy: {(found == expected).mean():.4f} of {len(tests)} test images")
        with open(f"{folder}/classes.bin", "wb") as file:
            file.write(found.tobytes())
        return
    images, labels = read("train")
    parameters = train(images, labels)
    quantised = quantise(parameters, images[:5000])
    layers = folded(quantised)
    floats = forward(parameters, tests)[2].argmax(1)
    print(f"in floats: {(floats == expected).mean():.4f}")
    found = classes(layers, tests)
    print(f"quantised: {(found == expected).mean():.4f} of {len(tests)} test images")
    with open(f"{folder}/model.tflite", "wb") as file:
        file.write(tflite(quantised, LAYERS))
    with open(f"{folder}/model.bin", "wb") as file:
        file.write(encode(layers))
    with open(f"{folder}/samples.bin", "wb") as file:
        for image, kind in zip(tests[:10], found[:10]):
            file.write(image.tobytes() + kind.tobytes())


if __name__ == "__main__":
    main()
