// Networks of TensorFlow Lite: what the reader makes of them computes what TensorFlow Lite's own interpreter says, on
// the committed network and on random ones; what is outside of the subset is refused by name; mutations end in words.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { parseSchema } from "../../host/program-data/schema.js";
import { type Layer, layersFromTflite } from "../../host/program-data/tflite.js";
import { encodeValue, ValueError } from "../../host/program-data/values.js";
import { exampleProgram } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";
import { LiteRt } from "../support/litert.js";
import { Random } from "../support/random.js";
import { type Fields, FLOAT32, INT8, INT32, NetworkWriter, vector } from "./tflite-writer.js";

const home = join(projectRoot, "examples/no_std/private-inference");
const model = new Uint8Array(readFileSync(join(home, "model.tflite")));
const schema = parseSchema(JSON.parse(readFileSync(join(home, "schema.json"), "utf8")));
const program = exampleProgram("private-inference");

const CONV_2D = 3;
const DEQUANTIZE = 6;
const FULLY_CONNECTED = 9;
const RESHAPE = 22;
const SOFTMAX = 25;
const QUANTIZE = 114;

test("the committed network is read as the training script folded it", () => {
  const read = encodeValue(schema, layersFromTflite(model));
  assert.equal(read, new Uint8Array(readFileSync(join(home, "model.bin"))));
});

/** What a network may have that the reader has to get right, or refuse. */
interface Shape {
  side: number;
  channels: number;
  convolutions: readonly { size: number; stride: number; outputs: number; activation: number }[];
  classes: number;
  /** Floats in and out. */
  floats: boolean;
  reshape: boolean;
  biases: boolean;
  /** Changes of the options of the first convolution. */
  options?: Fields;
  /** Puts a SOFTMAX behind. */
  softmax?: boolean;
  inputZero?: number;
  weightZero?: number;
  biasScale?: number;
  version?: number;
  type?: number;
}

const plain: Shape = {
  side: 6,
  channels: 1,
  convolutions: [{ size: 3, stride: 1, outputs: 2, activation: 1 }],
  classes: 3,
  floats: true,
  reshape: true,
  biases: true,
};

/** A network with random weights. */
function network(shape: Shape, random: Random): Uint8Array {
  const file = new NetworkWriter();
  const weightsOf = (count: number) => Array.from({ length: count }, () => random.below(255) - 127);
  const biasesOf = (count: number) =>
    Array.from({ length: count }, () => random.below(4001) - 2000);
  const real = (scale: number) => Math.fround(scale * (0.5 + random.next() / 2 ** 32));
  let side = shape.side;
  let channels = shape.channels;
  let scale = Math.fround(1 / 255);
  let zero = shape.inputZero ?? -128;
  const first = [1, side, side, channels];
  const type = shape.type ?? INT8;
  const inner = file.tensor(first, type, [scale], zero);
  let now = inner;
  let begin = inner;
  if (shape.floats) {
    begin = file.tensor(first, FLOAT32);
    file.operator(QUANTIZE, [begin], now);
  }
  const layer = (dimensions: number[], given: number[], perOutput: boolean): [number[], number] => {
    const [outputs = 0, ...rest] = dimensions;
    const terms = rest.reduce((product, each) => product * each, 1);
    const scales = Array.from({ length: perOutput ? outputs : 1 }, () => real(0.02));
    const inputs = [
      now,
      file.tensor(dimensions, INT8, scales, shape.weightZero ?? 0, weightsOf(outputs * terms)),
    ];
    if (shape.biases)
      inputs.push(
        file.tensor(
          [outputs],
          INT32,
          scales.map((each) => each * scale * (shape.biasScale ?? 1)),
          0,
          biasesOf(outputs),
        ),
      );
    // Sums spread as the root of the number of terms.
    scale = real(scale * 0.02 * 1.5 * 73 * Math.sqrt(terms));
    zero = random.below(256) - 128;
    return [inputs, file.tensor(given, INT8, [scale], zero)];
  };
  for (const [index, { size, stride, outputs, activation }] of shape.convolutions.entries()) {
    side = Math.floor((side - size) / stride) + 1;
    const dimensions = [outputs, size, size, channels];
    const [inputs, output] = layer(dimensions, [1, side, side, outputs], random.oneIn(2));
    const options: Fields = {
      0: ["i8", 1],
      1: ["i32", stride],
      2: ["i32", stride],
      3: ["i8", activation],
      ...(index === 0 && shape.options),
    };
    file.operator(CONV_2D, inputs, output, 1, options);
    now = output;
    channels = outputs;
  }
  const flat = side * side * channels;
  if (shape.reshape) {
    const to = file.tensor([2], INT32, [], 0, [-1, flat]);
    const flattened = file.tensor([1, flat], INT8, [scale], zero);
    file.operator(RESHAPE, [now, to], flattened, 17, { 0: vector("i32", [-1, flat]) });
    now = flattened;
  }
  const [inputs, scores] = layer([shape.classes, flat], [1, shape.classes], false);
  file.operator(FULLY_CONNECTED, inputs, scores, 8, {});
  now = scores;
  if (shape.softmax) {
    const likely = file.tensor([1, shape.classes], INT8, [1 / 256], -128);
    file.operator(SOFTMAX, [now], likely);
    now = likely;
  }
  if (shape.floats) {
    const out = file.tensor([1, shape.classes], FLOAT32);
    file.operator(DEQUANTIZE, [now], out);
    now = out;
  }
  return file.bytes(begin, now, shape.version);
}

/** What the program says of an image in these layers. */
function classOf(layers: readonly Layer[], image: Uint8Array): number {
  const { code, trap, output } = runOnNode(program, {
    inputs: [encodeValue(schema, layers)],
    streams: [image],
  });
  assert.is(trap, undefined);
  assert.is(code, 0);
  return output?.[0] as number;
}

test("random networks of the subset give the class that TensorFlow Lite gives", async () => {
  const random = new Random(20);
  const interpreter = await LiteRt.load();
  let compared = 0;
  for (let round = 0; round < 60; round++) {
    const shape: Shape = {
      side: 5 + random.below(12),
      channels: 1 + random.below(3),
      convolutions: Array.from({ length: 1 + random.below(2) }, () => ({
        size: 1 + random.below(3),
        stride: 1 + random.below(2),
        outputs: 1 + random.below(8),
        activation: random.pick([0, 1, 3]),
      })),
      classes: 2 + random.below(9),
      floats: true,
      reshape: random.oneIn(2),
      biases: true,
    };
    const bytes = network(shape, random);
    const layers = layersFromTflite(bytes);
    const images = Array.from({ length: 5 }, () =>
      random.bytes(shape.side * shape.side * shape.channels),
    );
    const found = await interpreter.scores(
      bytes,
      [1, shape.side, shape.side, shape.channels],
      images.map((image) => Float32Array.from(image, (pixel) => pixel / 255)),
    );
    // The scale of the scores is the least difference of two of them.
    for (const [index, scores] of found.entries()) {
      const sorted = [...scores].sort((a, b) => b - a) as [number, number];
      const steps = [...new Set(sorted)].map((score, i, all) => score - (all[i + 1] ?? -Infinity));
      // The two may round a number in the middle in different ways: scores that are nearer than that tell nothing.
      if (sorted[0] - sorted[1] < 3 * Math.min(...steps)) continue;
      compared++;
      assert.is(
        classOf(layers, images[index] as Uint8Array),
        scores.indexOf(sorted[0]),
        `network ${round}, image ${index}: ${scores}`,
      );
    }
  }
  assert.ok(compared > 100, `only ${compared} were clear`);
});

test("it reads networks that take and give int8, with and without RESHAPE, as the same layers", () => {
  const forms = [
    { floats: true, reshape: true },
    { floats: false, reshape: true },
    { floats: false, reshape: false },
  ].map((form) => layersFromTflite(network({ ...plain, ...form }, new Random(3))));
  assert.equal(forms[1], forms[0]);
  assert.equal(forms[2], forms[0]);
  assert.is(forms[0]?.length, 2);
});

for (const [what, change, expected] of [
  ["padding", { options: { 0: ["i8", 0] } }, /operators\[1\] \(CONV_2D\)\.padding: expected VALID/],
  ["two strides", { options: { 1: ["i32", 2] } }, /expected one stride from 1 to 255, found 1, 2/],
  ["dilation", { options: { 4: ["i32", 2] } }, /dilated convolutions are not read/],
  [
    "another activation",
    { options: { 3: ["i8", 2] } },
    /expected RELU, RELU6 or none, found RELU_N1_TO_1/,
  ],
  [
    "a softmax",
    { softmax: true },
    /operator SOFTMAX: leave it off, the largest score stays the largest/,
  ],
  [
    "an image with another zero",
    { inputZero: 0 },
    /zero_point: expected -128, so that a pixel is 0 to 255, found 0/,
  ],
  ["weights with a zero point", { weightZero: 3 }, /zero_point: expected 0 for weights/],
  [
    "biases of another scale",
    { biasScale: 2 },
    /expected the input's scale times that of the weights/,
  ],
  ["no biases", { biases: false }, /expected an input, weights and biases/],
  ["another version", { version: 2 }, /model\.version: expected 3, found 2/],
  [
    "floats inside",
    { type: FLOAT32 },
    /expected int8, found float32; convert with a representative data set/,
  ],
  [
    "too many layers",
    {
      side: 20,
      convolutions: Array.from({ length: 17 }, () => ({
        size: 1,
        stride: 1,
        outputs: 1,
        activation: 0,
      })),
    },
    /at most 16 layers/,
  ],
] as [string, Partial<Shape>, RegExp][])
  test(`a network with ${what} is refused by name`, () => {
    assert.throws(
      () => layersFromTflite(network({ ...plain, ...change }, new Random(4))),
      (error: Error) => error instanceof ValueError && expected.test(error.message),
    );
  });

test("files that are no networks are refused with the place", () => {
  for (const [bytes, expected] of [
    [new Uint8Array(0), /byte 0: the head takes 8 bytes, and the file ends after 0/],
    [Buffer.from("00000000TFL4"), /byte 4: expected TFL3, found "0000"/],
    [
      Buffer.from("\xff\xff\xff\x7fTFL3", "latin1"),
      /byte 2147483647|does not stand at a multiple of 4/,
    ],
    [new Uint8Array(16 * 1024 * 1024 + 1), /at most 16777216 are read/],
  ] as [Uint8Array, RegExp][])
    assert.throws(
      () => layersFromTflite(bytes),
      (error: Error) => error instanceof ValueError && expected.test(error.message),
    );
});

test("every mutation of a file is refused in words, or is a network that the program runs", () => {
  const random = new Random(21);
  const small = network({ ...plain, side: 8 }, random);
  let accepted = 0;
  for (let round = 0; round < 6000; round++) {
    const bytes = small.slice(0, random.oneIn(8) ? random.below(small.length) : small.length);
    for (let times = 1 + random.below(3); times > 0 && bytes.length > 0; times--)
      bytes[random.below(bytes.length)] = random.pick([0, 1, 4, 127, 128, 255, random.below(256)]);
    let layers: Layer[];
    try {
      layers = layersFromTflite(bytes);
    } catch (error) {
      assert.instance(error, ValueError, `round ${round}: ${(error as Error).stack}`);
      continue;
    }
    accepted++;
    const [{ side, channels } = { side: 0, channels: 0 }] = layers;
    classOf(layers, new Uint8Array(side * side * channels));
  }
  assert.ok(accepted > 500 && accepted < 5500, `${accepted} accepted`);
});

test.run();
