// Writes networks as TensorFlow Lite's flatbuffers, right and wrong ones, for the reader's tests.

/** Writes itself, and says where it stands. */
type Node = (file: Writer) => number;
type Scalar = readonly [kind: "i8" | "u8" | "i32" | "u32", value: number];
/** Fields of a table by number. */
export type Fields = Readonly<Record<number, Scalar | Node>>;

class Writer {
  private buffer = Buffer.alloc(1 << 16);
  length = 0;

  get bytes(): Uint8Array {
    return new Uint8Array(this.buffer.subarray(0, this.length));
  }

  /** Room for some bytes of zeros, the first `before` bytes after a multiple of `align`. */
  take(count: number, align: number, before = 0): number {
    while ((this.length + before) % align !== 0) this.length++;
    const at = this.length;
    this.length += count;
    while (this.length > this.buffer.length)
      this.buffer = Buffer.concat([this.buffer, Buffer.alloc(this.buffer.length)]);
    return at;
  }

  put(kind: Scalar[0] | "u16" | "f32" | "i64", at: number, value: number): void {
    if (kind === "i8") this.buffer.writeInt8(value, at);
    else if (kind === "u8") this.buffer.writeUInt8(value, at);
    else if (kind === "u16") this.buffer.writeUInt16LE(value, at);
    else if (kind === "i32") this.buffer.writeInt32LE(value, at);
    else if (kind === "u32") this.buffer.writeUInt32LE(value, at);
    else if (kind === "f32") this.buffer.writeFloatLE(value, at);
    else this.buffer.writeBigInt64LE(BigInt(value), at);
  }

  refer(at: number, node: Node): void {
    this.put("u32", at, node(this) - at);
  }
}

const widths = { u8: 1, i32: 4, f32: 4, i64: 8 };

export const vector =
  (kind: keyof typeof widths, values: readonly number[], align = 4): Node =>
  (file) => {
    const width = widths[kind];
    const at = file.take(4 + width * values.length, Math.max(align, width), 4);
    file.put("u32", at, values.length);
    for (const [index, value] of values.entries()) file.put(kind, at + 4 + index * width, value);
    return at;
  };

export const tables =
  (items: readonly Node[]): Node =>
  (file) => {
    const at = vector(
      "i32",
      items.map(() => 0),
    )(file);
    for (const [index, item] of items.entries()) file.refer(at + 4 + 4 * index, item);
    return at;
  };

/** A table; every field takes four bytes, which is no waste worth saving here. */
export const table =
  (fields: Fields): Node =>
  (file) => {
    const entries = Object.entries(fields).map(
      ([number, field]) => [Number(number), field] as const,
    );
    const count = Math.max(-1, ...entries.map(([number]) => number)) + 1;
    const list = file.take(4 + 2 * count, 4);
    file.put("u16", list, 4 + 2 * count);
    file.put("u16", list + 2, 4 + 4 * entries.length);
    const at = file.take(4 + 4 * entries.length, 4);
    file.put("i32", at, at - list);
    for (const [index, [number, field]] of entries.entries()) {
      const place = at + 4 + 4 * index;
      file.put("u16", list + 4 + 2 * number, place - at);
      if (typeof field === "function") file.refer(place, field);
      else file.put(field[0], place, field[1]);
    }
    return at;
  };

export const FLOAT32 = 0;
export const INT32 = 2;
export const INT8 = 9;

/** A network under construction. */
export class NetworkWriter {
  readonly buffers: Node[] = [table({})];
  readonly tensors: Node[] = [];
  readonly operators: Node[] = [];
  readonly codes: number[] = [];

  tensor(
    shape: readonly number[],
    type: number,
    scales: readonly number[] = [],
    zero = 0,
    values?: readonly number[],
  ): number {
    let buffer = 0;
    if (values !== undefined) {
      buffer = this.buffers.length;
      const data = Buffer.alloc(values.length * (type === INT8 ? 1 : 4));
      for (const [index, value] of values.entries())
        if (type === INT8) data.writeInt8(value, index);
        else data.writeInt32LE(value, 4 * index);
      this.buffers.push(table({ 0: vector("u8", [...data], 16) }));
    }
    this.tensors.push(
      table({
        0: vector("i32", shape),
        1: ["i8", type],
        2: ["u32", buffer],
        ...(scales.length > 0 && {
          4: table({
            2: vector("f32", scales),
            3: vector(
              "i64",
              scales.map(() => zero),
            ),
          }),
        }),
      }),
    );
    return this.tensors.length - 1;
  }

  operator(
    code: number,
    inputs: readonly number[],
    output: number,
    kind = 0,
    options?: Fields,
  ): void {
    let index = this.codes.indexOf(code);
    if (index < 0) index = this.codes.push(code) - 1;
    this.operators.push(
      table({
        0: ["u32", index],
        1: vector("i32", inputs),
        2: vector("i32", [output]),
        3: ["u8", kind],
        ...(options !== undefined && { 4: table(options) }),
      }),
    );
  }

  /** The file. */
  bytes(input: number, output: number, version = 3): Uint8Array {
    const graph = table({
      0: tables(this.tensors),
      1: vector("i32", [input]),
      2: vector("i32", [output]),
      3: tables(this.operators),
    });
    const codes = this.codes.map((code) =>
      table({ 0: ["i8", Math.min(code, 127)], 2: ["i32", 1], 3: ["i32", code] }),
    );
    const file = new Writer();
    file.take(8, 4);
    file.put("u32", 4, Buffer.from("TFL3").readUInt32LE());
    file.refer(
      0,
      table({ 0: ["u32", version], 1: tables(codes), 2: tables([graph]), 4: tables(this.buffers) }),
    );
    file.take(0, 16);
    return file.bytes;
  }
}
