#!/usr/bin/env node
// vc-data: between files that people have and the classic encoding that programs read.
import { Command, Option } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseWhole } from "../common/quantities.js";
import {
  decodeContent,
  encodeContent,
  type FormatName,
  formatNames,
  formatOf,
  readSchema,
  type SourceFormatName,
  sourceFormatNames,
  sourceFormatOf,
} from "./files.js";
import { describeType } from "./schema.js";
import { decodeValue, ValueError } from "./values.js";

interface Options {
  schema: string;
  type?: string;
  from?: SourceFormatName;
  to?: FormatName;
  output: string;
  sampleRate: number;
}

const command = new Command("vc-data")
  .description("Encodes data for Veracruz programs, decodes their results, and explains both.")
  .addHelpText(
    "after",
    `
A schema is JSON: the name of a type (u8 … u64, i8 … i64, usize, f32, f64, bool, char, string, bytes),
  {"sequence": T}  {"array": T, "length": N}  {"set": T}  {"map": [K, V]}  {"option": T}  {"tuple": [T, …]}
  {"struct": {"name": T, …}}  {"enum": {"Unit": null, "Other": T}}
or several with names, {"types": {"Name": T, …}, "value": T}, which --type chooses from.

Exit codes: 0 done, 2 wrong arguments, schema or data.

Example: vc-data encode --schema points.json points.csv --output input-0`,
  );

const withSchema = (name: string, description: string): Command =>
  command
    .command(name)
    .description(description)
    .requiredOption("--schema <file>", "the schema, JSON")
    .option("--type <type>", "what the file holds, if that is not the schema's value");

withSchema(
  "encode",
  "writes the classic encoding of a file of JSON, CSV, NumPy (.npy), WAV or TensorFlow Lite",
)
  .argument("<file>", "the data (- is standard input)")
  .addOption(
    new Option("--from <format>", "the file's format, if its name does not tell").choices(
      sourceFormatNames,
    ),
  )
  .option("-o, --output <file>", "where the encoding goes", "-")
  .action((path: string, options: Options) => {
    const schema = readSchema(options.schema, options.type);
    const content = readUserFile(path, "data");
    const encoded = encodeContent(schema, content, options.from ?? sourceFormatOf(path), path);
    writeUserFile(options.output, "encoding", encoded);
  });

withSchema("decode", "writes the value of an encoded file as JSON, CSV, NumPy (.npy) or WAV")
  .argument("<file>", "the encoding (- is standard input)")
  .addOption(
    new Option("--to <format>", "the format, if the output's name does not tell").choices(
      formatNames,
    ),
  )
  .option("-o, --output <file>", "where the value goes", "-")
  .option(
    "--sample-rate <n>",
    "frames a second of a WAV file",
    (text) => parseWhole(text, 1, 768_000),
    48_000,
  )
  .action((path: string, options: Options) => {
    const schema = readSchema(options.schema, options.type);
    const bytes = readUserFile(path, "encoding");
    const format = options.to ?? formatOf(options.output);
    const { content, rest } = decodeContent(schema, bytes, format, path, options.sampleRate);
    writeUserFile(options.output, "value", content);
    if (rest > 0) console.error(`vc-data: ${rest} bytes follow the value; programs ignore them`);
  });

withSchema("describe", "says what a schema means, or what each byte of an encoded file stands for")
  .argument("[file]", "the encoding (- is standard input)")
  .action((path: string | undefined, options: Options) => {
    const schema = readSchema(options.schema, options.type);
    if (path === undefined) {
      for (const [name, type] of schema.types) console.log(`${name} = ${describeType(type)}`);
      console.log(`value: ${describeType(schema.value)}`);
      return;
    }
    const bytes = readUserFile(path, "encoding");
    try {
      const { pieces, rest } = decodeValue(schema, bytes, true);
      for (const { offset, length, path: place, what, value } of pieces) {
        const hex = Buffer.from(bytes.subarray(offset, offset + Math.min(length, 8))).toString(
          "hex",
        );
        const digits = (length > 8 ? `${hex}…` : hex).padEnd(17);
        console.log(`${String(offset).padStart(8)}  ${digits}  ${place}  ${what} = ${value}`);
      }
      if (rest > 0)
        console.log(`${String(bytes.length - rest).padStart(8)}  ${rest} bytes follow the value`);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new CliError(`${JSON.stringify(path)}: ${error.message}`);
    }
  });

await runCommand(command);
