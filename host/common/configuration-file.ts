import type { Command, Option } from "commander";
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { CliError, readUserText } from "./cli.js";
import { nearest } from "./edit-distance.js";

/** A configuration has far fewer bytes. */
const MAX_BYTES = 256 * 1024;
/** Options that make no sense in a file. */
const ONLY_ON_COMMAND_LINE = ["config", "help", "version"];

/**
 * Takes a command's options from a file where the command line does not give them: YAML, a map from the long name of
 * an option, without its dashes, to its value; of an option that may be repeated, a list.
 *
 * @param readArgument for commands whose argument may stand in the file, too: its name there, and who takes it
 * @throws CliError with one line for each thing that is wrong, as `server.yaml:3: max-sessions: expected …`
 */
export function readConfiguration(
  command: Command,
  path: string,
  argument?: { name: string; take: (value: string) => void },
): void {
  const text = readUserText(path, "configuration");
  if (text.length > MAX_BYTES)
    throw new CliError(
      `the configuration ${JSON.stringify(path)} has more than ${MAX_BYTES} bytes`,
    );
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new CliError(`${place(broken.pos[0])}: not YAML: ${broken.message}`);
  // An empty file says nothing.
  if (document.contents === null) return;
  if (!isMap(document.contents))
    throw new CliError(`${path}:1: expected options and their values, as in max-sessions: 100`);
  const options = new Map<string, Option>(
    command.options.flatMap((option) => {
      const name = option.long?.replace(/^--/, "") ?? "";
      return ONLY_ON_COMMAND_LINE.includes(name) ? [] : [[name, option]];
    }),
  );
  const known = [...options.keys(), ...(argument === undefined ? [] : [argument.name])];
  const problems: string[] = [];
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : "";
    const at = place((key as { range?: readonly number[] } | null)?.range?.[0]);
    try {
      const values = valuesOf(value);
      if (argument !== undefined && name === argument.name) argument.take(one(values));
      else {
        const option = options.get(name);
        if (option === undefined) {
          const near = nearest(name, known);
          const hint =
            near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`;
          throw new Error(`there is no such option: ${hint}`);
        }
        take(command, option, values);
      }
    } catch (error) {
      problems.push(`${at}: ${name}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new CliError(problems.join("\n"));
}

type Plain = string | number | boolean;

/** The value of an entry, or the values of its list. */
function valuesOf(node: unknown): Plain[] {
  if (isSeq(node)) return node.items.flatMap((item) => valuesOf(item));
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return [value];
  throw new Error("expected a value, or a list of values");
}

function one(values: readonly Plain[]): string {
  const [value] = values;
  if (value === undefined || values.length > 1) throw new Error("expected one value");
  return String(value);
}

/** Gives an option its value from the file, unless the command line has given it. */
function take(command: Command, option: Option, values: readonly Plain[]): void {
  const name = option.attributeName();
  const isList = Array.isArray(option.defaultValue);
  let result: unknown;
  if (option.isBoolean()) {
    if (values.length !== 1 || typeof values[0] !== "boolean")
      throw new Error("expected true or false");
    result = values[0];
  } else {
    const parse = (text: string, before: unknown): unknown =>
      option.parseArg === undefined ? text : option.parseArg(text, before as string);
    result = isList
      ? values.map(String).reduce((list: unknown, text) => parse(text, list), [])
      : parse(one(values), option.defaultValue);
  }
  const source = command.getOptionValueSource(name);
  if (source === undefined || source === "default")
    command.setOptionValueWithSource(name, result, "config");
}
