"""Writes a quantised network of convolutions in TensorFlow Lite's format, a flatbuffer.

A flatbuffer's tables begin with the distance to their vtable, which tells where each field is; fields that are no
numbers hold the distance forward to what they mean. Numbers of fields and codes are those of TensorFlow Lite's schema,
version 3.
"""

import struct

FLOAT32, INT32, INT8 = 0, 2, 9
CONV_2D, DEQUANTIZE, FULLY_CONNECTED, RESHAPE, QUANTIZE = 3, 6, 9, 22, 114
CODES = [QUANTIZE, CONV_2D, RESHAPE, FULLY_CONNECTED, DEQUANTIZE]
NO_OPTIONS = 0
CONV_2D_OPTIONS, FULLY_CONNECTED_OPTIONS, RESHAPE_OPTIONS = 1, 8, 17
VALID, RELU = 1, 1


class File:
    def __init__(self):
        self.bytes = bytearray()

    def align(self, to, before=0):
        """Fills up until what comes `before` bytes later stands at a multiple of `to`."""
        while (len(self.bytes) + before) % to:
            self.bytes.append(0)

    def put(self, form, *values):
        self.bytes += struct.pack(form, *values)

    def refer(self, at, node):
        """Writes a node, and at `at` the distance to it."""
        place = node(self)
        struct.pack_into("<I", self.bytes, at, place - at)


def vector(form, values, align=4):
    def write(file):
        file.align(max(align, 4), 4)
        place = len(file.bytes)
        file.put("<I", len(values))
        file.put(f"<{len(values)}{form}", *values)
        return place

    return write


def text(string):
    def write(file):
        place = vector("B", string.encode())(file)
        file.put("B", 0)
        return place

    return write


def tables(nodes):
    def write(file):
        place = vector("I", [0] * len(nodes))(file)
        for index, node in enumerate(nodes):
            file.refer(place + 4 + 4 * index, node)
        return place

    return write


def table(fields):
    """A table of fields by number: (form, value), or a node to refer to."""

    def write(file):
        # The largest first, so that each stands at a multiple of its size.
        forms = {
            number: "I" if callable(field) else field[0] for number, field in fields.items()
        }
        order = sorted(fields, key=lambda number: -struct.calcsize(forms[number]))
        offsets, size = {}, 4
        for number in order:
            offsets[number] = size
            size += struct.calcsize(forms[number])
        file.align(4)
        vtable = len(file.bytes)
        count = max(fields, default=-1) + 1
        file.put("<HH", 4 + 2 * count, size)
        file.put(f"<{count}H", *[offsets.get(number, 0) for number in range(count)])
        file.align(4)
        place = len(file.bytes)
        file.put("<i", place - vtable)
        for number in order:
            field = fields[number]
            file.put("<" + forms[number], 0 if callable(field) else field[1])
        for number, field in fields.items():
            if callable(field):
                file.refer(place + offsets[number], field)
        return place

    return write


class Network:
    """What a subgraph holds; buffer 0 is the empty one."""

    def __init__(self):
        self.buffers = [table({})]
        self.tensors = []
        self.operators = []

    def tensor(self, name, shape, kind, scales, zero=0, values=None):
        """A tensor; its scales have one entry, or one for each of the first dimension."""
        buffer = 0
        if values is not None:
            buffer = len(self.buffers)
            data = struct.pack(f"<{len(values)}{'b' if kind == INT8 else 'i'}", *values)
            self.buffers.append(table({0: vector("B", data, 16)}))
        fields = {0: vector("i", shape), 1: ("b", kind), 2: ("I", buffer), 3: text(name)}
        if len(scales) > 0:
            fields[4] = table(
                {2: vector("f", scales), 3: vector("q", [zero] * len(scales), 8), 6: ("i", 0)}
            )
        self.tensors.append(table(fields))
        return len(self.tensors) - 1

    def operator(self, code, inputs, output, kind=NO_OPTIONS, options=None):
        fields = {
            0: ("I", CODES.index(code)),
            1: vector("i", inputs),
            2: vector("i", [output]),
            3: ("B", kind),
        }
        if options is not None:
            fields[4] = table(options)
        self.operators.append(table(fields))

    def file(self, inputs, outputs):
        graph = {
            0: tables(self.tensors),
            1: vector("i", inputs),
            2: vector("i", outputs),
            3: tables(self.operators),
            4: text("main"),
        }
        model = {
            0: ("I", 3),
            1: tables([table({0: ("b", code), 2: ("i", 1), 3: ("i", code)}) for code in CODES]),
            2: tables([table(graph)]),
            3: text("private-inference"),
            4: tables(self.buffers),
        }
        file = File()
        file.put("<I4s", 0, b"TFL3")
        file.refer(0, table(model))
        file.align(16)
        return bytes(file.bytes)


def tflite(layers, convolutions):
    """The file of the layers that quantise gives: convolutions as (size, stride, channels in, channels out), and one
    layer of scores. Images and scores are floats, as in the files of TensorFlow Lite's own converter."""
    network = Network()
    side, scale, zero = 28, 1 / 255, -128
    first = network.tensor("image", [1, side, side, 1], FLOAT32, [])
    now = network.tensor("image/int8", [1, side, side, 1], INT8, [scale], zero)
    network.operator(QUANTIZE, [first], now)
    for index, (weights, biases, scales, next_scale, next_zero) in enumerate(layers):
        # A row for each output: its weights in the order of a patch.
        rows = [int(weight) for weight in weights.T.reshape(-1)]
        name = f"layer{index + 1}"
        outputs = len(biases)
        bias_scales = [float(each) * float(scale) for each in scales]
        if index < len(convolutions):
            size, stride, channels, _ = convolutions[index]
            side = (side - size) // stride + 1
            shape, given = [outputs, size, size, channels], [1, side, side, outputs]
            options = {0: ("b", VALID), 1: ("i", stride), 2: ("i", stride), 3: ("b", RELU)}
            code, kind = CONV_2D, CONV_2D_OPTIONS
        else:
            flat = len(weights)
            flat_shape = network.tensor(f"{name}/shape", [2], INT32, [], values=[1, flat])
            flattened = network.tensor(f"{name}/flat", [1, flat], INT8, [scale], zero)
            network.operator(
                RESHAPE, [now, flat_shape], flattened, RESHAPE_OPTIONS, {0: vector("i", [1, flat])}
            )
            now = flattened
            shape, given = [outputs, flat], [1, outputs]
            # One scale for all outputs.
            scales, bias_scales = scales[:1], bias_scales[:1]
            options, code, kind = {}, FULLY_CONNECTED, FULLY_CONNECTED_OPTIONS
        constants = [
            network.tensor(f"{name}/weights", shape, INT8, scales, values=rows),
            network.tensor(
                f"{name}/biases", [outputs], INT32, bias_scales, values=[int(b) for b in biases]
            ),
        ]
        output = network.tensor(name, given, INT8, [next_scale], next_zero)
        network.operator(code, [now, *constants], output, kind, options)
        now, scale, zero = output, next_scale, next_zero
    scores = network.tensor("scores", [1, outputs], FLOAT32, [])
    network.operator(DEQUANTIZE, [now], scores)
    return network.file([first], [scores])
