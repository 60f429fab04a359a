/**
 * Reads networks of TensorFlow Lite (`.tflite`, schema version 3) that are quantised to 8 bits, as a value for the
 * program private-inference. What is read is a subset, which sdk/data.md describes; anything else is refused by name.
 */
import { FlatTable } from "./flatbuffer.js";
import { ValueError } from "./values.js";

/** The largest file that is read, in bytes. */
const LARGEST_FILE = 16 * 1024 * 1024;
const MOST_CODES = 64;
const MOST_TENSORS = 1024;
const MOST_OPERATORS = 64;
const MOST_DIMENSIONS = 4;
/** Most outputs of a layer: a u16. */
const MOST_OUTPUTS = 65_535;
/** What the program takes: see examples/no_std/private-inference/program.ts. */
const MOST_LAYERS = 16;
const LARGEST_BIAS = 2 ** 30;
const MOST_TERMS = 32_768;
/** Pixels are 0 to 255; int8 has its zero 128 below. */
const IMAGE_ZERO = -128;

const VERSION = 3;
const FLOAT32 = 0;
const INT32 = 2;
const INT8 = 9;
const tensorTypes: Readonly<Record<number, string>> = {
  0: "float32",
  1: "float16",
  2: "int32",
  3: "uint8",
  4: "int64",
  7: "int16",
  9: "int8",
};

const operators = {
  3: "CONV_2D",
  6: "DEQUANTIZE",
  9: "FULLY_CONNECTED",
  22: "RESHAPE",
  114: "QUANTIZE",
} as const;
type OperatorName = (typeof operators)[keyof typeof operators];
/** What to do about operators that networks often have. */
const advice: Readonly<Record<number, string>> = {
  1: "AVERAGE_POOL_2D: let a convolution step further instead (strides)",
  4: "DEPTHWISE_CONV_2D: use a plain convolution",
  17: "MAX_POOL_2D: let a convolution step further instead (strides)",
  25: "SOFTMAX: leave it off, the largest score stays the largest",
};

const VALID = 1;
const activations = ["no activation", "RELU", "RELU_N1_TO_1", "RELU6"];
const RELU = 1;
const RELU6 = 3;

const CONV_2D_OPTIONS = 1;
const FULLY_CONNECTED_OPTIONS = 8;

/** A layer as the program's schema has it; `weights` and `shifts` are hexadecimal digits. */
export interface Layer {
  readonly side: number;
  readonly channels: number;
  readonly size: number;
  readonly stride: number;
  readonly outputs: number;
  readonly weights: string;
  readonly biases: readonly number[];
  readonly multipliers: readonly number[];
  readonly shifts: string;
  readonly zero: number;
  readonly low: number;
  readonly high: number;
}

/** A tensor with its numbers, if they are constants. */
class Tensor {
  readonly path: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly scales: readonly number[];
  readonly zeros: readonly number[];
  /** Which dimension has a scale for each index, where there are several. */
  readonly dimension: number;
  /** Empty for what is computed. */
  readonly data: Uint8Array;

  constructor(table: FlatTable, buffers: readonly FlatTable[]) {
    this.path = table.path;
    this.shape = table.numbers(0, "i32", "shape", MOST_DIMENSIONS);
    this.type = table.number(1, "i8", "type");
    const buffer = table.number(2, "u32", "buffer");
    const held = buffers[buffer];
    if (held === undefined)
      throw new ValueError(`${this.path}.buffer: there is no buffer ${buffer}`);
    if (held.number(1, "i64", "offset") !== 0)
      throw new ValueError(`${held.path}: buffers behind the flatbuffer are not read`);
    this.data = held.bytes(0, "data");
    const quantisation = table.table(4, "quantization");
    if (quantisation && quantisation.number(4, "u8", "details_type") !== 0)
      throw new ValueError(`${quantisation.path}: quantisation of another kind is not read`);
    this.scales = quantisation?.numbers(2, "f32", "scale", MOST_OUTPUTS) ?? [];
    this.zeros = quantisation?.numbers(3, "i64", "zero_point", MOST_OUTPUTS) ?? [];
    this.dimension = quantisation?.number(6, "i32", "quantized_dimension") ?? 0;
    if (this.shape.some((length) => length < 1))
      throw new ValueError(`${this.path}.shape: ${this.shape}: expected numbers from 1`);
    if (table.table(6, "sparsity"))
      throw new ValueError(`${this.path}: sparse tensors are not read`);
  }

  get count(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  /** Fails unless it is of this type. */
  requireType(type: number, hint = ""): void {
    if (this.type !== type)
      throw new ValueError(
        `${this.path}.type: expected ${tensorTypes[type]}, found ${tensorTypes[this.type] ?? this.type}${hint}`,
      );
  }

  requireShape(expected: readonly number[]): void {
    if (String(this.shape) !== String(expected))
      throw new ValueError(`${this.path}.shape: expected ${expected}, found ${this.shape}`);
  }

  /** Constants of so many bytes each. */
  constants(width: number): DataView {
    const bytes = this.count * width;
    if (this.data.length !== bytes)
      throw new ValueError(
        `${this.path}: its shape ${this.shape} takes ${bytes} bytes, its buffer has ${this.data.length}`,
      );
    return new DataView(this.data.buffer, this.data.byteOffset, bytes);
  }

  /** One scale and one zero point, of what is computed. */
  quantised(): { scale: number; zero: number } {
    this.requireType(
      INT8,
      "; convert with a representative data set and target_spec.supported_ops = [TFLITE_BUILTINS_INT8]",
    );
    const [scale, zero] = [this.scales[0], this.zeros[0]];
    if (this.scales.length !== 1 || this.zeros.length !== 1 || !scale || zero === undefined)
      throw new ValueError(`${this.path}.quantization: expected one scale and one zero point`);
    requireScale(scale, this.path);
    if (zero < -128 || zero > 127)
      throw new ValueError(`${this.path}.zero_point: expected -128 to 127, found ${zero}`);
    if (this.data.length > 0) throw new ValueError(`${this.path}: expected no constants here`);
    return { scale, zero };
  }
}

function requireScale(scale: number, path: string): void {
  if (!(scale > 0 && Number.isFinite(scale)))
    throw new ValueError(`${path}.scale: expected a number above 0, found ${scale}`);
}

/**
 * A factor as a whole number of 31 bits and a shift: whole / 2^shift, as TensorFlow Lite has it.
 *
 * @throws ValueError unless 2^-31 <= factor < 2^31
 */
function fixedPoint(factor: number, path: string): { multiplier: number; shift: number } {
  let fraction = factor;
  let exponent = 0;
  // Halving and doubling are exact.
  while (fraction >= 1 && exponent <= 31) {
    fraction /= 2;
    exponent++;
  }
  while (fraction < 0.5 && exponent >= -31) {
    fraction *= 2;
    exponent--;
  }
  let multiplier = Math.round(fraction * 2 ** 31);
  if (multiplier === 2 ** 31) {
    multiplier /= 2;
    exponent++;
  }
  const shift = 31 - exponent;
  if (!(shift >= 0 && shift <= 62))
    throw new ValueError(
      `${path}: a factor of ${factor} between sums and outputs: the scales do not fit`,
    );
  return { multiplier, shift };
}

/** The side of a square; fails for what is none. */
function square(height: number | undefined, width: number | undefined, path: string): number {
  if (height === undefined || height !== width || height > 65_535)
    throw new ValueError(
      `${path}.shape: expected as many rows as columns, found ${height}, ${width}`,
    );
  return height;
}

/** An operator, with its tensors. */
interface Operator {
  readonly path: string;
  readonly name: OperatorName;
  /** The tensor that it works on, and constants. */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly output: Tensor;
  readonly options: FlatTable | undefined;
}

/** The options of a convolution or of scores. */
function readOptions(operator: FlatTable, name: OperatorName): FlatTable | undefined {
  const expected = name === "CONV_2D" ? CONV_2D_OPTIONS : FULLY_CONNECTED_OPTIONS;
  const kind = operator.number(3, "u8", "builtin_options_type");
  if (kind === 0) return undefined;
  if (kind !== expected)
    throw new ValueError(`${operator.path}: options of kind ${expected} expected, ${kind} found`);
  return operator.table(4, "builtin_options");
}

/** The layer of a convolution or of scores. */
function layerOf(operator: Operator): Layer {
  const { path, inputs, output, options } = operator;
  const [input, weights, biases] = inputs;
  if (!input || !weights || !biases)
    throw new ValueError(`${path}: expected an input, weights and biases`);
  const from = input.quantised();
  const to = output.quantised();
  weights.requireType(INT8);

  let geometry: Pick<Layer, "side" | "channels" | "size" | "stride" | "outputs">;
  let activation: number;
  if (operator.name === "CONV_2D") {
    if (!options) throw new ValueError(`${path}: its options are missing`);
    const [batch, height, width, channels = 0] = input.shape;
    const [outputs = 0, rows, columns] = weights.shape;
    if (input.shape.length !== 4 || weights.shape.length !== 4 || batch !== 1)
      throw new ValueError(
        `${path}: expected an input of shape 1, rows, columns, channels and weights of shape outputs, rows, columns, channels`,
      );
    if (options.number(0, "i8", "padding") !== VALID)
      throw new ValueError(`${path}.padding: expected VALID (padding="valid" in Keras)`);
    const [across, down] = [
      options.number(1, "i32", "stride_w"),
      options.number(2, "i32", "stride_h"),
    ];
    if (across !== down || across < 1 || across > 255)
      throw new ValueError(`${path}: expected one stride from 1 to 255, found ${down}, ${across}`);
    const dilation = ["dilation_w_factor", "dilation_h_factor"].map((name, index) =>
      options.number(4 + index, "i32", name, 1),
    );
    if (dilation.some((factor) => factor !== 1))
      throw new ValueError(`${path}: dilated convolutions are not read`);
    const side = square(height, width, input.path);
    const size = square(rows, columns, weights.path);
    weights.requireShape([outputs, size, size, channels]);
    if (size > side || size > 255)
      throw new ValueError(`${path}: patches of ${size} x ${size} in ${side} x ${side} places`);
    const patches = Math.floor((side - size) / across) + 1;
    output.requireShape([1, patches, patches, outputs]);
    geometry = { side, channels, size, stride: across, outputs };
    activation = options.number(3, "i8", "fused_activation_function");
  } else {
    const [outputs = 0, channels = 0] = weights.shape;
    if (input.shape[0] !== 1) throw new ValueError(`${input.path}.shape: expected one image`);
    weights.requireShape([outputs, channels]);
    if (input.count !== channels)
      throw new ValueError(
        `${path}: ${channels} weights for each output, and ${input.count} numbers of ${input.path}`,
      );
    output.requireShape([1, outputs]);
    if (options && options.number(1, "i8", "weights_format") !== 0)
      throw new ValueError(`${path}.weights_format: only the default is read`);
    geometry = { side: 1, channels, size: 1, stride: 1, outputs };
    activation = options?.number(0, "i8", "fused_activation_function") ?? 0;
  }
  const { channels, size, outputs } = geometry;
  const terms = size * size * channels;
  if (terms > MOST_TERMS || channels > 65_535 || outputs > MOST_OUTPUTS)
    throw new ValueError(
      `${path}: ${terms} weights for each of ${outputs} outputs; at most ${MOST_TERMS} for each of ${MOST_OUTPUTS}`,
    );

  const numbers = weights.constants(1);
  const scale = scalesOf(weights, outputs);
  const bias = biasesOf(biases, outputs, (index) => from.scale * scale(index));
  const sums = Array.from({ length: outputs }, (_, index) => {
    let sum = 0;
    for (let at = index * terms; at < (index + 1) * terms; at++) sum += numbers.getInt8(at);
    const folded = bias(index) - from.zero * sum;
    if (Math.abs(folded) > LARGEST_BIAS)
      throw new ValueError(`${path}: the bias of output ${index} is too large: ${bias(index)}`);
    return folded;
  });
  const factors = Array.from({ length: outputs }, (_, index) =>
    fixedPoint((from.scale * scale(index)) / to.scale, path),
  );
  return {
    ...geometry,
    weights: Buffer.from(weights.data).toString("hex"),
    biases: sums,
    multipliers: factors.map(({ multiplier }) => multiplier),
    shifts: Buffer.from(factors.map(({ shift }) => shift)).toString("hex"),
    zero: to.zero,
    ...bounds(activation, to, path),
  };
}

/** The least and the most that an output may be, after an activation. */
function bounds(
  activation: number,
  to: { scale: number; zero: number },
  path: string,
): { low: number; high: number } {
  if (activation !== 0 && activation !== RELU && activation !== RELU6)
    throw new ValueError(
      `${path}.fused_activation_function: expected RELU, RELU6 or none, found ${activations[activation] ?? activation}`,
    );
  const low = activation === 0 ? -128 : to.zero;
  const six = activation === RELU6 ? to.zero + Math.round(6 / to.scale) : 127;
  return { low, high: Math.min(127, six) };
}

/** The scale of each output's weights. */
function scalesOf(weights: Tensor, outputs: number): (index: number) => number {
  const { scales, zeros, dimension, path } = weights;
  if (scales.length !== 1 && (scales.length !== outputs || dimension !== 0))
    throw new ValueError(
      `${path}.quantization: expected one scale, or one for each of ${outputs} outputs, found ${scales.length} for dimension ${dimension}`,
    );
  for (const scale of scales) requireScale(scale, path);
  if (zeros.some((zero) => zero !== 0))
    throw new ValueError(`${path}.zero_point: expected 0 for weights`);
  return (index) => scales[scales.length === 1 ? 0 : index] as number;
}

/** The bias of each output, in units of what `unit` says of it. */
function biasesOf(
  biases: Tensor,
  outputs: number,
  unit: (index: number) => number,
): (index: number) => number {
  biases.requireType(INT32);
  biases.requireShape([outputs]);
  const numbers = biases.constants(4);
  const scale = biases.scales.length > 0 ? scalesOf(biases, outputs) : unit;
  for (let index = 0; index < outputs; index++)
    if (!(Math.abs(scale(index) / unit(index) - 1) < 1e-3))
      throw new ValueError(
        `${biases.path}.scale: expected the input's scale times that of the weights, ${unit(index)}, found ${scale(index)}`,
      );
  return (index) => numbers.getInt32(4 * index, true);
}

/** Fails unless a RESHAPE only gives the same numbers another shape of one image. */
function checkReshape({ path, inputs, output }: Operator): void {
  const [input, shape] = inputs;
  if (!input) throw new ValueError(`${path}: expected an input`);
  const [from, to] = [input.quantised(), output.quantised()];
  if (from.scale !== to.scale || from.zero !== to.zero)
    throw new ValueError(`${path}: scale and zero point change, which a RESHAPE cannot do`);
  if (output.shape[0] !== 1 || output.count !== input.count)
    throw new ValueError(`${path}: expected another shape of one image, found ${output.shape}`);
  if (!shape) return;
  shape.requireType(INT32);
  shape.requireShape([output.shape.length]);
  const lengths = shape.constants(4);
  for (const [index, length] of output.shape.entries()) {
    const found = lengths.getInt32(4 * index, true);
    if (found !== length && found !== -1)
      throw new ValueError(`${shape.path}: expected ${output.shape}`);
  }
}

/** The tensors and operators of a model's only graph, and where it begins and ends. */
function graphOf(bytes: Uint8Array): { operators: Operator[]; first: Tensor; last: Tensor } {
  const model = FlatTable.root(bytes, "TFL3", "model");
  const version = model.number(0, "u32", "version");
  if (version !== VERSION)
    throw new ValueError(`model.version: expected ${VERSION}, found ${version}`);
  const codes = model.tables(1, "operator_codes", MOST_CODES).map((code) =>
    // Codes above 127 stand in a field of their own; older files lack it.
    Math.max(
      code.number(0, "i8", "deprecated_builtin_code"),
      code.number(3, "i32", "builtin_code"),
    ),
  );
  const graphs = model.tables(2, "subgraphs", MOST_OPERATORS);
  const [graph] = graphs;
  if (graphs.length !== 1 || graph === undefined)
    throw new ValueError(`model.subgraphs: expected one, found ${graphs.length}`);
  const buffers = model.tables(4, "buffers", MOST_TENSORS);
  const tensors = graph
    .tables(0, "tensors", MOST_TENSORS)
    .map((table) => new Tensor(table, buffers));
  const tensor = (index: number, path: string): Tensor => {
    const found = tensors[index];
    if (found === undefined) throw new ValueError(`${path}: there is no tensor ${index}`);
    return found;
  };
  const only = (field: number, name: string): Tensor => {
    const indices = graph.numbers(field, "i32", name, MOST_TENSORS);
    if (indices.length !== 1)
      throw new ValueError(`${graph.path}.${name}: expected one, found ${indices.length}`);
    return tensor(indices[0] as number, `${graph.path}.${name}`);
  };
  const found = graph.tables(3, "operators", MOST_OPERATORS).map((table): Operator => {
    const { path } = table;
    const index = table.number(0, "u32", "opcode_index");
    const code = codes[index];
    if (code === undefined) throw new ValueError(`${path}: there is no operator code ${index}`);
    const name = (operators as Readonly<Record<number, OperatorName>>)[code];
    if (name === undefined)
      throw new ValueError(
        `${path}: operator ${advice[code] ?? code} (there are ${Object.values(operators).join(", ")})`,
      );
    const outputs = table.numbers(2, "i32", "outputs", MOST_TENSORS);
    if (outputs.length !== 1) throw new ValueError(`${path}.outputs: expected one`);
    return {
      path: `${path} (${name})`,
      name,
      // -1 stands for one that is left out.
      inputs: table
        .numbers(1, "i32", "inputs", MOST_DIMENSIONS)
        .map((input) => (input === -1 ? undefined : tensor(input, path))),
      output: tensor(outputs[0] as number, path),
      options:
        name === "CONV_2D" || name === "FULLY_CONNECTED" ? readOptions(table, name) : undefined,
    };
  });
  return { operators: found, first: only(1, "inputs"), last: only(2, "outputs") };
}

/**
 * The layers of a network.
 *
 * @param bytes a `.tflite` file of at most 16 MiB: a chain of CONV_2D, RESHAPE and FULLY_CONNECTED in int8, with a
 *   QUANTIZE before and a DEQUANTIZE behind, or without
 * @returns the value of a schema like that of examples/no_std/private-inference
 * @throws ValueError
 */
export function layersFromTflite(bytes: Uint8Array): Layer[] {
  if (bytes.length > LARGEST_FILE)
    throw new ValueError(`a file of ${bytes.length} bytes; at most ${LARGEST_FILE} are read`);
  const { operators: chain, first, last } = graphOf(bytes);
  const layers: Layer[] = [];
  let weightBytes = 0;
  let now = first;
  for (const [index, operator] of chain.entries()) {
    const { path, name, inputs, output } = operator;
    if (inputs[0] !== now)
      throw new ValueError(`${path}: expected a chain, in which each operator takes ${now.path}`);
    switch (name) {
      case "QUANTIZE":
        if (index !== 0) throw new ValueError(`${path}: expected it as the first operator only`);
        now.requireType(FLOAT32);
        output.quantised();
        if (String(now.shape) !== String(output.shape))
          throw new ValueError(`${path}: the shape changes`);
        break;
      case "DEQUANTIZE":
        if (index !== chain.length - 1)
          throw new ValueError(`${path}: expected it as the last operator only`);
        now.quantised();
        output.requireType(FLOAT32);
        break;
      case "RESHAPE":
        checkReshape(operator);
        break;
      default:
        if (layers.length === 0 && now.quantised().zero !== IMAGE_ZERO)
          throw new ValueError(
            `${now.path}.zero_point: expected ${IMAGE_ZERO}, so that a pixel is 0 to 255, found ${now.quantised().zero}`,
          );
        weightBytes += inputs[1]?.data.length ?? 0;
        // Layers that share a buffer could stand for more than the file holds.
        if (layers.length === MOST_LAYERS || weightBytes > bytes.length)
          throw new ValueError(`${path}: at most ${MOST_LAYERS} layers are read, none twice`);
        layers.push(layerOf(operator));
    }
    now = output;
  }
  if (now !== last) throw new ValueError(`${last.path}: the last operator does not give it`);
  if (layers.length === 0) throw new ValueError("model: it has no layers");
  return layers;
}
