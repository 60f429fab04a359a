import { dirname, join } from "node:path";
import { Command } from "commander";
import { CliError, runCommand, writeUserFile } from "../../../host/common/cli.js";
import { makeFolder } from "../../../host/common/folders.js";

/** What a generator makes. */
export interface ExampleData {
  /** File name (`input-0`, `stream-1`, `round-2/stream-0`) to content. */
  files: Record<string, Uint8Array>;
  /** The result to expect from each round, in order; none where it is random. */
  results: readonly Uint8Array[];
  /** What is in the files, and what the result says, in one line. */
  summary: string;
}

/** A generator's command, with the options that all of them have. */
export function generatorCommand(example: string, makes: string): Command {
  return new Command(`generate-${example}`)
    .description(
      `Makes input data for examples/no_std/${example}: ${makes} ` +
        "Files are named as a policy names them: input-0, input-1, …, round-1/stream-0, …; the result to " +
        "expect from the first round is in expected-1, from the second in expected-2, ….",
    )
    .requiredOption("--output-dir <dir>", "folder for the files; made if it is not there");
}

/** Adds `--seed`, for generators whose data are random. */
export function withSeed(command: Command): Command {
  return command.option("--seed <text>", "make the same data for the same text each time");
}

/** Runs a generator's command: makes the data, writes the files, and describes them in one line. */
export async function generate(
  command: Command,
  make: (options: Record<string, string>) => ExampleData,
): Promise<void> {
  command.action((options: Record<string, string>) => {
    const data = make(options);
    const folder = options.outputDir as string;
    const files = { ...data.files };
    for (const [round, result] of data.results.entries()) files[`expected-${round + 1}`] = result;
    try {
      makeFolder(folder);
      for (const name of Object.keys(files)) {
        makeFolder(dirname(join(folder, name)));
      }
    } catch (error) {
      throw new CliError(
        `cannot make the folder ${JSON.stringify(folder)}: ${(error as Error).message}`,
      );
    }
    for (const [name, content] of Object.entries(files)) {
      writeUserFile(join(folder, name), "data file", content);
    }
    console.log(`${data.summary}\nwrote ${Object.keys(files).sort().join(", ") || "no files"}`);
  });
  await runCommand(command);
}
