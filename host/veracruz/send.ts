import { CliError } from "../common/cli.js";
import { openSources } from "../veracruz-client/files.js";
import { entryOf } from "../veracruz-client/identity.js";
import { checkSendings, type Sending, sendAll } from "../veracruz-client/sending.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { Output } from "./output.js";
import {
  asParty,
  connectTo,
  isolateFacts,
  type PartyOptions,
  partOf,
  sayRestart,
} from "./session.js";

interface SendOptions extends PartyOptions {
  allowEmpty?: boolean;
}

/** As what the isolate takes a file: its name says it. */
function kindOf(policy: Policy, name: string): Sending["what"] {
  if (policy.programOf(name) !== undefined) return "program";
  return name.startsWith("stream-") ? "stream" : "data";
}

/** `veracruz send NAME FILE …`. */
export function send(pairs: readonly string[], options: SendOptions): Promise<void> {
  return asParty(async () => {
    if (pairs.length % 2 !== 0)
      throw new CliError(
        `${JSON.stringify(pairs.at(-1))} has no file: expected NAME FILE NAME FILE …`,
      );
    const output = new Output(options);
    const { person, policy } = partOf(options);
    const transfers = Array.from({ length: pairs.length / 2 }, (_, index) => {
      const [name, path] = pairs.slice(2 * index) as [string, string];
      return { name, path, what: kindOf(policy, name) };
    });
    const sendings = openSources(transfers);
    const entry = entryOf(policy, person.identity());
    checkSendings(sendings, entry, person.name, options.allowEmpty ?? false);
    const client = await connectTo(person, policy, options, output);
    try {
      await client.commit();
      sayRestart(client, output);
      await sendAll(client, sendings, policy, {
        say: (line) => output.note(line),
        progress: (title) => output.progress(title),
      });
    } finally {
      await client.close();
    }
    output.answer({
      policy: policy.hash.toString("hex"),
      as: person.name,
      isolate: isolateFacts(client),
      sent: sendings.map(({ name, what, length }) => ({ name, what, bytes: length })),
    });
  });
}
