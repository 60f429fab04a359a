import { createHash } from "node:crypto";
import { may, type Policy, type PolicyIdentity } from "../veracruz-utils/policy.js";
import type { Progress, Source, VeracruzClient } from "./client.js";
import { ClientError } from "./errors.js";

/** A file to send. */
export interface Sending {
  what: "program" | "data" | "stream";
  /** Its name in the policy. */
  name: string;
  /** Its content from the beginning, each time anew. */
  open: () => Source;
  /** Its length in bytes. */
  length: number;
}

/**
 * Refuses what cannot be meant, before anything is sent: a file that the policy does not let this principal write, and
 * an empty one, since what was sent is final.
 *
 * @param who the principal's name, for the error
 * @throws ClientError
 */
export function checkSendings(
  list: readonly Sending[],
  entry: PolicyIdentity,
  who: string,
  allowEmpty: boolean,
): void {
  for (const { name, length } of list) {
    if (!may(entry, "w", name)) {
      const own = entry.file_rights.filter(({ rights }) => rights.includes("w"));
      const names = own.map(({ file_name }) => file_name).join(", ") || "nothing";
      throw new ClientError(
        "role",
        `the policy does not let ${who} send ${JSON.stringify(name)}; ${who} may send: ${names}`,
      );
    }
    if (length === 0 && !allowEmpty) {
      throw new ClientError(
        "usage",
        `the file for ${name} is empty, and what was sent is final: --allow-empty sends it`,
      );
    }
  }
}

/** How `sendAll` reports: a bar for each file, and a line when it is done. */
export interface SendingReport {
  progress(title: string): { report: Progress; stop: () => void };
  say(line: string): void;
}

/**
 * Sends files one after the other. One that is there already with the same bytes counts as sent; one that is there
 * with others, or with bytes that this principal may not see, does not keep the rest from being sent, and is
 * reported at the end.
 *
 * @throws ClientError
 */
export async function sendAll(
  client: VeracruzClient,
  list: readonly Sending[],
  policy: Policy,
  report: SendingReport,
): Promise<void> {
  const send = { program: client.sendProgram, data: client.sendData, stream: client.sendStream };
  let late: ClientError | undefined;
  for (const sending of list) {
    const { what, name, length } = sending;
    const bar = report.progress(name);
    // The bar is gone before anything is said: it would erase that line.
    const refusal = await send[what]
      .call(client, name, sending.open(), bar.report)
      .then(() => undefined, refusedAsThere)
      .finally(bar.stop);
    if (refusal === undefined) {
      report.say(`sent ${what} ${name}, ${length} bytes`);
    } else if (await hasSameBytes(client, sending, policy)) {
      report.say(`${what} ${name} is there already, with the same ${length} bytes`);
    } else {
      late ??= new ClientError(refusal.kind, `${name}: ${refusal.message}`);
    }
  }
  if (late !== undefined) throw late;
}

/** The refusal of a file because the isolate has one of that name; throws any other error on. */
function refusedAsThere(error: unknown): ClientError {
  const there =
    error instanceof ClientError &&
    error.kind === "not-ready" &&
    error.message.includes("the file was written before");
  if (!there) throw error;
  return error;
}

/** Whether what the isolate holds is what would be sent, as far as this principal may know: if not, false. */
async function hasSameBytes(
  client: VeracruzClient,
  { what, name, open }: Sending,
  policy: Policy,
): Promise<boolean> {
  // The isolate keeps no other program than the one that the policy names.
  if (what === "program")
    return (await digest(open())) === policy.programOf(name)?.pi_hash.toLowerCase();
  if (!may(client.entry, "r", name)) return false;
  return (await digest(open())) === (await digest(await client.read(name)));
}

async function digest(source: Source): Promise<string> {
  const hash = createHash("sha256");
  if (source instanceof Uint8Array) hash.update(source);
  else for await (const piece of source.pieces) hash.update(piece);
  return hash.digest("hex");
}
