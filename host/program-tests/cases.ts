/** Test cases of a program: read from YAML, JSON or a module, checked, with their files encoded. */
import { existsSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { CliError, readUserFile, readUserText } from "../common/cli.js";
import { parseBytes } from "../common/quantities.js";
import { encodeContent, sourceFormatNames, sourceFormatOf } from "../program-data/files.js";
import { parseSchema, type Schema, SchemaError } from "../program-data/schema.js";
import { encodeValue, ValueError } from "../program-data/values.js";

/** One case, ready to run. */
export interface TestCase {
  readonly name: string;
  readonly inputs: readonly Uint8Array[];
  readonly streams: readonly Uint8Array[];
  readonly previousResult?: Uint8Array;
  readonly seed?: string;
  /** What must come of it; what is undefined may be anything. */
  readonly expected: {
    readonly code: number | undefined;
    /** A part of the reason why it trapped, empty for any; undefined where it must not trap. */
    readonly trap: string | undefined;
    readonly output: Uint8Array | undefined;
    /** How outputs are shown as values. */
    readonly schema: Schema | undefined;
    /** The most units of fuel. */
    readonly fuel: bigint | undefined;
    /** The most bytes of memory. */
    readonly memory: number | undefined;
  };
}

/** A file of cases for one program. */
export interface TestFile {
  readonly program: string;
  readonly cases: readonly TestCase[];
}

type Members = Record<string, unknown>;

function fail(where: string, message: string): never {
  throw new CliError(`${where}: ${message}`);
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);

/** An object with no members but these. */
function members(value: unknown, where: string, known: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(where, `expected an object with ${known.join(", ")}, found ${shown(value)}`);
  const extra = Object.keys(value).find((key) => !known.includes(key));
  if (extra !== undefined)
    fail(where, `there is no ${JSON.stringify(extra)}; there are ${known.join(", ")}`);
  return value as Members;
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string") fail(where, `expected a text, found ${shown(value)}`);
  return value;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) fail(where, `expected a list, found ${shown(value)}`);
  return value;
}

function told<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SchemaError || error instanceof ValueError) fail(where, error.message);
    throw error;
  }
}

const contentKeys = ["value", "type", "file", "format", "hex", "text"] as const;

class Reader {
  constructor(
    private readonly path: string,
    private readonly folder: string,
    /** The schema as JSON: its types, and what `value` says. */
    private readonly schema: unknown,
  ) {}

  private schemaOf(type: unknown, where: string): Schema {
    if (this.schema === undefined && type === undefined)
      fail(where, "a value needs a type, here or as the file's schema");
    return told(where, () => parseSchema(this.schema ?? type, this.schema && type));
  }

  /** The bytes of an input or output, and the schema by which they are shown. */
  content(value: unknown, where: string, type: unknown): { bytes: Uint8Array; schema?: Schema } {
    const given = members(value, where, contentKeys);
    const kinds = (["value", "file", "hex", "text"] as const).filter((key) => key in given);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1)
      fail(where, "expected one of value, file, hex, text");
    const wanted = given.type ?? type;
    if (kind === "value") {
      const schema = this.schemaOf(wanted, where);
      return { bytes: told(where, () => encodeValue(schema, given.value)), schema };
    }
    if (kind === "hex") {
      const digits = text(given.hex, `${where}.hex`).replace(/\s/g, "");
      if (!/^([\da-fA-F]{2})*$/.test(digits)) fail(`${where}.hex`, "expected hexadecimal digits");
      return { bytes: Buffer.from(digits, "hex") };
    }
    if (kind === "text") return { bytes: Buffer.from(text(given.text, `${where}.text`)) };
    const path = resolve(this.folder, text(given.file, `${where}.file`));
    const content = readUserFile(path, "file of a test case");
    if (given.format === undefined && given.type === undefined) return { bytes: content };
    const format = given.format === undefined ? sourceFormatOf(path) : text(given.format, where);
    const known = sourceFormatNames.find((name) => name === format);
    if (known === undefined)
      fail(`${where}.format`, `expected one of ${sourceFormatNames.join(", ")}`);
    const schema = this.schemaOf(wanted, where);
    return { bytes: encodeContent(schema, content, known, path), schema };
  }

  case(value: unknown, index: number, defaults: Members): TestCase {
    const at = `${this.path}: cases[${index}]`;
    const given = members(value, at, [
      ...["name", "inputs", "streams", "previousResult", "seed"],
      ...["code", "trap", "output", "fuel", "memory"],
    ]);
    const contents = (key: "inputs" | "streams"): Uint8Array[] =>
      list(given[key], `${at}.${key}`).map(
        (each, i) => this.content(each, `${at}.${key}[${i}]`, defaults.input).bytes,
      );
    const output =
      given.output === undefined
        ? undefined
        : this.content(given.output, `${at}.output`, defaults.output);
    const trap = given.trap === true ? "" : given.trap;
    if (trap !== undefined && typeof trap !== "string")
      fail(`${at}.trap`, `expected true or a part of the reason, found ${shown(trap)}`);
    if (given.code !== undefined && !Number.isSafeInteger(given.code))
      fail(`${at}.code`, `expected a whole number, found ${shown(given.code)}`);
    if (trap !== undefined && (given.code !== undefined || output !== undefined))
      fail(at, "a run that traps has neither code nor output");
    const fuel = given.fuel;
    if (fuel !== undefined && !(Number.isSafeInteger(fuel) && (fuel as number) >= 0))
      fail(`${at}.fuel`, `expected a whole number, found ${shown(fuel)}`);
    return {
      name: given.name === undefined ? `case ${index + 1}` : text(given.name, `${at}.name`),
      inputs: contents("inputs"),
      streams: contents("streams"),
      ...(given.previousResult !== undefined && {
        previousResult: this.content(given.previousResult, `${at}.previousResult`, defaults.output)
          .bytes,
      }),
      ...(given.seed !== undefined && { seed: String(given.seed) }),
      expected: {
        code: trap === undefined ? ((given.code as number | undefined) ?? 0) : undefined,
        trap,
        output: output?.bytes,
        schema: output?.schema,
        fuel: fuel === undefined ? undefined : BigInt(fuel as number),
        memory: given.memory === undefined ? undefined : this.memory(given.memory, `${at}.memory`),
      },
    };
  }

  private memory(value: unknown, where: string): number {
    try {
      return parseBytes(String(value));
    } catch {
      fail(where, `expected a size such as 65536 or 64KiB, found ${shown(value)}`);
    }
  }
}

/** What a file of cases holds, before it is checked. */
async function load(path: string): Promise<unknown> {
  if ([".yaml", ".yml", ".json"].includes(extname(path))) {
    try {
      return parse(readUserText(path, "test file"));
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError(`${path}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  if (![".js", ".mjs", ".ts", ".mts"].includes(extname(path)))
    throw new CliError(`${path}: a test file is .yaml, .json, .js or .ts`);
  if (!existsSync(path))
    throw new CliError(`cannot read the test file ${shown(path)}: no such file`);
  try {
    return ((await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }).default;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === "ERR_UNKNOWN_FILE_EXTENSION"
        ? `${path}: this Node.js (${process.version}) reads no TypeScript; 22.18 and later do`
        : `${path}: ${message}`,
    );
  }
}

/**
 * Reads a file of test cases.
 *
 * @throws CliError that says where in the file what was expected
 */
export async function readTestFile(path: string): Promise<TestFile> {
  const given = members(await load(path), path, ["program", "schema", "input", "output", "cases"]);
  const folder = dirname(path);
  const program = resolve(folder, text(given.program, `${path}: program`));
  let { schema } = given;
  if (typeof schema === "string" && schema.endsWith(".json")) {
    const source = readUserText(resolve(folder, schema), "schema");
    try {
      schema = JSON.parse(source);
    } catch (error) {
      fail(`${path}: schema`, (error as Error).message);
    }
  }
  const reader = new Reader(path, folder, schema);
  const cases = list(given.cases, `${path}: cases`);
  if (cases.length === 0) fail(path, "there are no cases");
  return { program, cases: cases.map((each, index) => reader.case(each, index, given)) };
}
