/** Arrays of NumPy (`.npy`, format versions 1 to 3), of one or two dimensions. */
import { type NumberName, resolved, type Schema, type Type } from "./schema.js";
import { ValueError } from "./values.js";

const MAGIC = "\x93NUMPY";

/** Items of an array: how many bytes each has, and how it is read and written. */
interface Item {
  readonly code: string;
  readonly bytes: number;
  readonly get: (view: DataView, at: number, little: boolean) => number | bigint;
  readonly set: (view: DataView, at: number, value: number | bigint) => void;
}

const items: readonly Item[] = [
  {
    code: "u1",
    bytes: 1,
    get: (v, at) => v.getUint8(at),
    set: (v, at, x) => v.setUint8(at, Number(x)),
  },
  {
    code: "i1",
    bytes: 1,
    get: (v, at) => v.getInt8(at),
    set: (v, at, x) => v.setInt8(at, Number(x)),
  },
  {
    code: "b1",
    bytes: 1,
    get: (v, at) => v.getUint8(at),
    set: (v, at, x) => v.setUint8(at, Number(x)),
  },
  {
    code: "u2",
    bytes: 2,
    get: (v, at, e) => v.getUint16(at, e),
    set: (v, at, x) => v.setUint16(at, Number(x), true),
  },
  {
    code: "i2",
    bytes: 2,
    get: (v, at, e) => v.getInt16(at, e),
    set: (v, at, x) => v.setInt16(at, Number(x), true),
  },
  {
    code: "u4",
    bytes: 4,
    get: (v, at, e) => v.getUint32(at, e),
    set: (v, at, x) => v.setUint32(at, Number(x), true),
  },
  {
    code: "i4",
    bytes: 4,
    get: (v, at, e) => v.getInt32(at, e),
    set: (v, at, x) => v.setInt32(at, Number(x), true),
  },
  {
    code: "u8",
    bytes: 8,
    get: (v, at, e) => v.getBigUint64(at, e),
    set: (v, at, x) => v.setBigUint64(at, BigInt(x), true),
  },
  {
    code: "i8",
    bytes: 8,
    get: (v, at, e) => v.getBigInt64(at, e),
    set: (v, at, x) => v.setBigInt64(at, BigInt(x), true),
  },
  {
    code: "f4",
    bytes: 4,
    get: (v, at, e) => v.getFloat32(at, e),
    set: (v, at, x) => v.setFloat32(at, Number(x), true),
  },
  {
    code: "f8",
    bytes: 8,
    get: (v, at, e) => v.getFloat64(at, e),
    set: (v, at, x) => v.setFloat64(at, Number(x), true),
  },
];

const codes: Readonly<Record<NumberName, string>> = {
  u8: "u1",
  i8: "i1",
  u16: "u2",
  i16: "i2",
  u32: "u4",
  i32: "i4",
  u64: "u8",
  i64: "i8",
  usize: "u8",
  f32: "f4",
  f64: "f8",
};

const itemOf = (code: string): Item | undefined => items.find((each) => each.code === code);

/** What a value of JSON is for a number of an array. */
const jsonNumber = (value: number | bigint): unknown =>
  typeof value === "bigint" ? String(value) : Number.isFinite(value) ? value : String(value);

/**
 * The value, as JSON, of an array: a sequence, or a sequence of rows.
 *
 * @throws ValueError
 */
export function valueFromNpy(schema: Schema, bytes: Uint8Array): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.toString("latin1", 0, 6) !== MAGIC || buffer.length < 12)
    throw new ValueError("byte 0: this is no .npy file: it does not begin with \\x93NUMPY");
  const version = buffer[6] as number;
  if (version < 1 || version > 3)
    throw new ValueError(`byte 6: version ${version} of .npy is not known; 1, 2 and 3 are`);
  const [length, start] =
    version === 1 ? [buffer.readUInt16LE(8), 10] : [buffer.readUInt32LE(8), 12];
  const header = buffer.toString(version === 3 ? "utf8" : "latin1", start, start + length);
  const [, order, code] = /'descr':\s*'([<>|=])(\w\d)'/.exec(header) ?? [];
  const [, fortran] = /'fortran_order':\s*(True|False)/.exec(header) ?? [];
  const [, dimensions] = /'shape':\s*\(([\d,\s]*)\)/.exec(header) ?? [];
  const item = itemOf(code ?? "");
  if (item === undefined || fortran === undefined || dimensions === undefined)
    throw new ValueError(
      `byte ${start}: expected an array of plain numbers (${items.map((each) => each.code).join(", ")}), found ${JSON.stringify(header.trim().slice(0, 100))}`,
    );
  const shape = dimensions
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  if (shape.length < 1 || shape.length > 2)
    throw new ValueError(`byte ${start}: expected one or two dimensions, found ${shape.length}`);
  const [rows = 0, columns = 1] = shape;
  if (columns === 0) throw new ValueError(`byte ${start}: the rows are empty`);
  const data = start + length;
  if (rows * columns * item.bytes > buffer.length - data)
    throw new ValueError(
      `byte ${data}: ${rows * columns} items of ${item.bytes} bytes expected, ${buffer.length - data} bytes found`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = (index: number): unknown => {
    const number = item.get(view, data + index * item.bytes, order !== ">");
    if (item.code === "b1") return number !== 0;
    return jsonNumber(number);
  };
  const at = (row: number, column: number): unknown =>
    value(fortran === "True" ? column * rows + row : row * columns + column);
  const outer = resolved(schema, schema.value);
  const of = outer.kind === "sequence" || outer.kind === "array" ? outer.of : undefined;
  const row = of === undefined ? undefined : resolved(schema, of);
  return Array.from({ length: rows }, (_, index) => {
    if (shape.length === 1) return value(index);
    const numbers = Array.from({ length: columns }, (_, column) => at(index, column));
    // Columns are the fields in their order.
    return row?.kind === "struct" && row.fields.length === columns
      ? Object.fromEntries(row.fields.map(([name], column) => [name, numbers[column]]))
      : numbers;
  });
}

/** The numbers of which a type consists, and whether it has rows. */
function shapeOf(schema: Schema): { name: NumberName; rows: boolean } {
  const number = (type: Type): NumberName | undefined => {
    const found = resolved(schema, type);
    return found.kind === "number" ? found.name : undefined;
  };
  const outer = resolved(schema, schema.value);
  if (outer.kind === "sequence" || outer.kind === "array") {
    const alone = number(outer.of);
    if (alone !== undefined) return { name: alone, rows: false };
    const row = resolved(schema, outer.of);
    const names =
      row.kind === "sequence" || row.kind === "array"
        ? [number(row.of)]
        : row.kind === "tuple"
          ? row.items.map(number)
          : row.kind === "struct"
            ? row.fields.map(([, type]) => number(type))
            : [];
    const [name] = names;
    if (name !== undefined && names.every((each) => each === name)) return { name, rows: true };
  }
  throw new ValueError(
    ".npy: the schema's value must be a sequence of numbers, or of rows of one type of number",
  );
}

/** The `.npy` file of a value that `decodeValue` gave. */
export function npyFromValue(schema: Schema, value: unknown): Uint8Array {
  const { name, rows } = shapeOf(schema);
  const item = itemOf(codes[name]) as Item;
  const table = (value as unknown[]).map((row) => (rows ? Object.values(row as object) : [row]));
  const columns = table[0]?.length ?? 0;
  if (rows && table.some((row) => row.length !== columns))
    throw new ValueError(".npy: the rows are of different lengths");
  const shape = rows ? `(${table.length}, ${columns})` : `(${table.length},)`;
  const order = item.bytes === 1 ? "|" : "<";
  const dictionary = `{'descr': '${order}${item.code}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The data begin at a multiple of 64.
  const header = `${dictionary.padEnd(Math.ceil((dictionary.length + 11) / 64) * 64 - 11)}\n`;
  const prefix = Buffer.alloc(10);
  prefix.write(MAGIC, "latin1");
  prefix[6] = 1;
  prefix.writeUInt16LE(header.length, 8);
  const data = new DataView(new ArrayBuffer(table.length * (rows ? columns : 1) * item.bytes));
  for (const [i, each] of table.flat().entries())
    item.set(
      data,
      i * item.bytes,
      item.bytes === 8 && item.code !== "f8" ? BigInt(each as string) : Number(each),
    );
  return Buffer.concat([prefix, Buffer.from(header, "latin1"), new Uint8Array(data.buffer)]);
}
