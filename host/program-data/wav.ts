/** Recordings (RIFF WAVE): samples of one channel, or frames of several. */
import { resolved, type Schema } from "./schema.js";
import { ValueError } from "./values.js";

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** The type of a sample by the schema, and whether it stands in a frame. */
function sampleOf(schema: Schema): { name: string; frames: boolean } {
  const outer = resolved(schema, schema.value);
  if (outer.kind === "sequence" || outer.kind === "array") {
    const item = resolved(schema, outer.of);
    if (item.kind === "number") return { name: item.name, frames: false };
    const of = item.kind === "array" || item.kind === "sequence" ? item.of : undefined;
    const inner = of === undefined ? undefined : resolved(schema, of);
    if (inner?.kind === "number") return { name: inner.name, frames: true };
  }
  throw new ValueError(
    "WAV: the schema's value must be a sequence of samples, or of frames of samples",
  );
}

/**
 * The value, as JSON, of a recording. Whole numbers are the samples as they stand; f32 and f64 are scaled to
 * between -1 and 1.
 *
 * @throws ValueError
 */
export function valueFromWav(schema: Schema, bytes: Uint8Array): unknown {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    file.length < 12 ||
    file.toString("latin1", 0, 4) !== "RIFF" ||
    file.toString("latin1", 8, 12) !== "WAVE"
  )
    throw new ValueError("byte 0: this is no WAV file: it does not begin with RIFF….WAVE");
  let format: { code: number; channels: number; bits: number } | undefined;
  let data: Buffer | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString("latin1", at, at + 4);
    const length = file.readUInt32LE(at + 4);
    if (length > file.length - at - 8)
      throw new ValueError(
        `byte ${at}: the chunk ${JSON.stringify(id)} of ${length} bytes is cut short`,
      );
    const chunk = file.subarray(at + 8, at + 8 + length);
    if (id === "fmt ") {
      if (length < 16) throw new ValueError(`byte ${at}: the chunk "fmt " is too short`);
      const code = chunk.readUInt16LE(0);
      format = {
        code: code === EXTENSIBLE && length >= 26 ? chunk.readUInt16LE(24) : code,
        channels: chunk.readUInt16LE(2),
        bits: chunk.readUInt16LE(14),
      };
    } else if (id === "data") data ??= chunk;
    at += 8 + length + (length % 2);
  }
  if (format === undefined || data === undefined)
    throw new ValueError('expected a chunk "fmt " and a chunk "data"');
  const { code, channels, bits } = format;
  const known = code === PCM ? [8, 16, 24, 32] : code === FLOAT ? [32, 64] : [];
  if (!known.includes(bits) || channels < 1)
    throw new ValueError(
      `expected PCM of 8, 16, 24 or 32 bits or floats of 32 or 64, found format ${code} of ${bits} bits`,
    );
  const { name, frames } = sampleOf(schema);
  const asFloat = name === "f32" || name === "f64";
  if (code === FLOAT && !asFloat)
    throw new ValueError(`the samples are floats, and the schema says ${name}: say f32 or f64`);
  if (!frames && channels !== 1)
    throw new ValueError(
      `the recording has ${channels} channels: the schema must say so, as in {"sequence": {"array": "${name}", "length": ${channels}}}`,
    );
  const width = bits / 8;
  const read = (at: number): number => {
    if (code === FLOAT) return bits === 32 ? data.readFloatLE(at) : data.readDoubleLE(at);
    // 8 bits are unsigned, with 128 for silence.
    if (bits === 8) return asFloat ? ((data[at] as number) - 128) / 128 : (data[at] as number);
    const whole = data.readIntLE(at, width);
    return asFloat ? whole / 2 ** (bits - 1) : whole;
  };
  const count = Math.floor(data.length / width / channels);
  return Array.from({ length: count }, (_, i) =>
    frames
      ? Array.from({ length: channels }, (_, channel) => read((i * channels + channel) * width))
      : read(i * width),
  );
}

const formats: Readonly<Record<string, { code: number; bits: number }>> = {
  u8: { code: PCM, bits: 8 },
  i16: { code: PCM, bits: 16 },
  i32: { code: PCM, bits: 32 },
  f32: { code: FLOAT, bits: 32 },
  f64: { code: FLOAT, bits: 64 },
};

/** The WAV file of a value that `decodeValue` gave, with so many frames a second. */
export function wavFromValue(schema: Schema, value: unknown, sampleRate: number): Uint8Array {
  const { name, frames } = sampleOf(schema);
  const format = formats[name];
  if (format === undefined)
    throw new ValueError(`WAV: samples are ${Object.keys(formats).join(", ")}, not ${name}`);
  const rows = frames ? (value as number[][]) : (value as number[]).map((sample) => [sample]);
  const channels = rows[0]?.length ?? 1;
  if (channels < 1 || rows.some((row) => row.length !== channels))
    throw new ValueError("WAV: the frames have different numbers of channels");
  const width = format.bits / 8;
  const data = Buffer.alloc(rows.length * channels * width);
  for (const [i, sample] of rows.flat().map(Number).entries()) {
    if (format.code === FLOAT) {
      if (width === 4) data.writeFloatLE(sample, i * 4);
      else data.writeDoubleLE(sample, i * 8);
    } else if (width === 1) data.writeUInt8(sample, i);
    else data.writeIntLE(sample, i * width, width);
  }
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + data.length + (data.length % 2), 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(format.code, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * width, 28);
  header.writeUInt16LE(channels * width, 32);
  header.writeUInt16LE(format.bits, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data, Buffer.alloc(data.length % 2)]);
}
