import { CliError, writeUserFile } from "../common/cli.js";
import { forTerminal } from "../common/terminal.js";
import { ClientError } from "../veracruz-client/errors.js";
import { entryOf } from "../veracruz-client/identity.js";
import { whenReady } from "../veracruz-client/waiting.js";
import { may, OUTPUT, type PolicyIdentity } from "../veracruz-utils/policy.js";
import { Output } from "./output.js";
import {
  asParty,
  connectTo,
  isolateFacts,
  type PartyOptions,
  partOf,
  sayRestart,
} from "./session.js";

interface FetchOptions extends PartyOptions {
  output?: string;
  program?: string;
  schema?: string;
  type?: string;
  end: boolean;
}

/** A file as a value. */
interface Shown {
  readonly value: unknown;
  /** The value as JSON, indented. */
  readonly text: string;
  /** Bytes behind the value. */
  readonly rest: number;
}

/** Shows a file as a value, by the schema, which is read before anything is fetched; undefined where none is named. */
async function valueReader(
  options: FetchOptions,
): Promise<((content: Uint8Array) => Shown) | undefined> {
  if (options.schema === undefined) {
    if (options.type !== undefined)
      throw new CliError("--type chooses a type of a schema: name the schema by --schema");
    return undefined;
  }
  const { jsonText, readSchema, resultValue } = await import("../program-data/files.js");
  const schema = readSchema(options.schema, options.type);
  return (content) => {
    const { value, rest } = resultValue(schema, content);
    return { value, text: forTerminal(jsonText(value)), rest };
  };
}

/** Refuses what the policy does not let this person read, before anybody is asked. @throws ClientError */
function checkReading(name: string, entry: PolicyIdentity, who: string): void {
  if (may(entry, "r", name)) return;
  const own = entry.file_rights.filter(({ rights }) => rights.includes("r"));
  const names = own.map(({ file_name }) => file_name).join(", ") || "nothing";
  throw new ClientError(
    "role",
    `the policy does not let ${who} fetch ${JSON.stringify(name)}; ${who} may fetch: ${names}`,
  );
}

/** `veracruz fetch NAME`: a file that this party may read; for the result, the program runs first. */
export function fetchFile(name: string, options: FetchOptions): Promise<void> {
  return asParty(async () => {
    const path = options.output ?? name;
    // Where the file itself is standard output, nothing else is.
    const output = new Output({ ...options, json: options.json === true && path !== "-" });
    const { person, policy } = partOf(options);
    checkReading(name, entryOf(policy, person.identity()), person.name);
    const read = await valueReader(options);
    const until = Date.now() + options.wait;
    const client = await connectTo(person, policy, options, output);
    let content: Buffer;
    let shown: Shown | undefined;
    let remark: string | undefined;
    try {
      await client.state();
      sayRestart(client, output);
      const bar = output.progress(name);
      try {
        content = await whenReady(
          until,
          (reason) => output.note(`waiting: ${reason}`),
          () => client.read(name, options.program ?? "", bar.report),
        );
      } finally {
        bar.stop();
      }
      // Where the value goes to standard output, the bytes do not.
      if (read === undefined || path !== "-") writeUserFile(path, name, content);
      output.note(
        `fetched ${name}, ${content.length} bytes${path === "-" ? "" : `, into ${path}`}`,
      );
      // Before the end is agreed to: with another schema, the file can be fetched again.
      shown = read?.(content);
      if (shown !== undefined) {
        output.say(shown.text);
        if (shown.rest > 0) output.note(`${shown.rest} bytes follow the value`);
      }
      if (name === OUTPUT && options.end) {
        // Agreed to, the end wipes the result: what nobody has seen of it would be lost.
        if (shown !== undefined && shown.rest > 0 && path === "-")
          throw new CliError(
            "the end is not agreed to, because these bytes were shown nowhere: -o FILE keeps the whole result, --no-end fetches it as it is",
          );
        remark = await client.requestShutdown();
        output.note(`agreed to the end of the computation${remark && `: ${remark}`}`);
        person.end(policy);
      }
    } catch (error) {
      if (error instanceof ClientError && error.kind === "not-ready")
        throw new ClientError(
          error.kind,
          `${error.message} (veracruz status shows how far it is; --wait SECONDS waits)`,
        );
      throw error;
    } finally {
      await client.close();
    }
    output.answer({
      policy: policy.hash.toString("hex"),
      as: person.name,
      isolate: isolateFacts(client),
      fetched: {
        name,
        bytes: content.length,
        file: path,
        ...(shown !== undefined && { value: shown.value }),
      },
      agreedToEnd: remark !== undefined,
    });
  });
}
