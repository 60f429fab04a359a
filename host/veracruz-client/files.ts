import { createReadStream, statSync } from "node:fs";
import { CliError, readUserFile } from "../common/cli.js";
import type { Source } from "./client.js";
import type { Sending } from "./sending.js";

/** A file's name in the policy and its path here. */
export interface Transfer {
  name: string;
  /** `-` is standard input, or output. */
  path: string;
}

/** A file to be sent; large ones are read as they go. */
function sourceOf({ name, path }: Transfer): Source {
  if (path === "-") return readUserFile(path, name);
  try {
    const entry = statSync(path);
    if (entry.isFile()) return { length: entry.size, pieces: readable(path, name) };
  } catch {
    // Said below, with the reason.
  }
  return readUserFile(path, `file for ${name}`);
}

async function* readable(path: string, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new CliError(`cannot read the file for ${name}: ${(error as Error).message}`);
  }
}

/**
 * Opens files to send, so that one that cannot be read is reported before anything is sent.
 *
 * @throws CliError
 */
export function openSources(
  transfers: readonly (Transfer & { what: Sending["what"] })[],
): Sending[] {
  if (transfers.filter(({ path }) => path === "-").length > 1)
    throw new CliError("standard input (-) can be sent as one file only");
  return transfers.map((each) => {
    const first = sourceOf(each);
    const open = () => (first instanceof Uint8Array ? first : sourceOf(each));
    return { ...each, open, length: first.length };
  });
}
