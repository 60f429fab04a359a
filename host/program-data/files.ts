/** Files of people's formats and their values. */
import { CliError, readUserText } from "../common/cli.js";
import { decodeUtf8, textProblem } from "../common/text.js";
import { csvFromValue, valueFromCsv } from "./csv.js";
import { npyFromValue, valueFromNpy } from "./npy.js";
import { parseSchema, type Schema, SchemaError } from "./schema.js";
import { layersFromTflite } from "./tflite.js";
import { type Decoded, decodeValue, encodeValue, ValueError } from "./values.js";
import { valueFromWav, wavFromValue } from "./wav.js";

/** Formats that values are written in. */
export const formatNames = ["json", "csv", "npy", "wav"] as const;
/** The name of such a format. */
export type FormatName = (typeof formatNames)[number];
/** Formats that values are read from. */
export const sourceFormatNames = [...formatNames, "tflite"] as const;
/** The name of such a format. */
export type SourceFormatName = (typeof sourceFormatNames)[number];

/** The format that a file's name ends with, of these; JSON where it says none of them. */
function formatAmong<Name extends string>(names: readonly Name[], path: string): Name | "json" {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase();
  return names.find((name) => name === extension) ?? "json";
}

/** The format to write, by the file's name. */
export const formatOf = (path: string): FormatName => formatAmong(formatNames, path);
/** The format to read, by the file's name. */
export const sourceFormatOf = (path: string): SourceFormatName =>
  formatAmong(sourceFormatNames, path);

/** Runs what may find a fault in a schema or a value, which becomes an error of the command. */
function told<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SchemaError || error instanceof ValueError)
      throw new CliError(`${where}: ${error.message}`);
    throw error;
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine quotes the text, line feeds and all.
    const why = (error as Error).message.replace(/\s+/g, " ");
    throw new CliError(`${where}: not JSON: ${why}`);
  }
}

/**
 * Reads a schema that a user named.
 *
 * @param wanted the type that is meant: a name, or a type as JSON; default: the schema's own
 * @throws CliError
 */
export function readSchema(path: string, wanted?: string): Schema {
  const where = `the schema ${JSON.stringify(path)}`;
  const json = parseJson(readUserText(path, "schema"), where);
  const type =
    wanted !== undefined && /^\s*[{["]/.test(wanted) ? parseJson(wanted, "--type") : wanted;
  return told(where, () => parseSchema(json, type));
}

/** The classic encoding of a file's content. Throws CliError. */
export function encodeContent(
  schema: Schema,
  content: Uint8Array,
  format: SourceFormatName,
  path: string,
): Uint8Array {
  const where = JSON.stringify(path);
  const text = (): string => {
    const problem = textProblem(content);
    if (problem !== undefined) throw new CliError(`${where} ${problem}`);
    return decodeUtf8(content);
  };
  return told(where, () => {
    switch (format) {
      case "json":
        return encodeValue(schema, parseJson(text(), where));
      case "csv":
        return encodeValue(schema, valueFromCsv(schema, text()));
      case "npy":
        return encodeValue(schema, valueFromNpy(schema, content));
      case "wav":
        return encodeValue(schema, valueFromWav(schema, content));
      case "tflite":
        return encodeValue(schema, layersFromTflite(content));
    }
  });
}

/** A value as JSON, indented. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

/** The content of a file in a person's format, and how many bytes were left over. Throws CliError. */
export function decodeContent(
  schema: Schema,
  bytes: Uint8Array,
  format: FormatName,
  path: string,
  sampleRate: number,
): { content: Uint8Array | string; rest: number } {
  return told(JSON.stringify(path), () => {
    const { value, rest } = decodeValue(schema, bytes);
    switch (format) {
      case "json":
        return { content: `${jsonText(value)}\n`, rest };
      case "csv":
        return { content: csvFromValue(schema, value), rest };
      case "npy":
        return { content: npyFromValue(schema, value), rest };
      case "wav":
        return { content: wavFromValue(schema, value, sampleRate), rest };
    }
  });
}

/** A result's value, for commands that show one, and how many bytes are left over. Throws CliError. */
export function resultValue(schema: Schema, result: Uint8Array): Decoded {
  return told("the result", () => decodeValue(schema, result));
}
