// Prints `vectors.json` of this folder: the pinned encoding of one example of each message. To be run
// only when the protocol changes on purpose:
//   node build/js/test/transport-protocol/vectors.js > test/transport-protocol/vectors.json
import { pathToFileURL } from "node:url";
import { encodeMessage, type MessageName, messages } from "../../host/transport-protocol/index.js";
import { example } from "./examples.js";

export interface Vector {
  /** The message; byte fields as hexadecimal text. */
  message: Record<string, string | number>;
  /** Its encoding, as hexadecimal text. */
  encoding: string;
}

export function vector(name: MessageName): Vector {
  const message = example(name);
  const shown = Object.entries(message).map(([field, value]): [string, string | number] => [
    field,
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : (value as string | number),
  ]);
  return {
    message: Object.fromEntries(shown),
    encoding: Buffer.from(encodeMessage(message)).toString("hex"),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const vectors = (Object.keys(messages) as MessageName[]).map(vector);
  process.stdout.write(`${JSON.stringify(vectors, null, 2)}\n`);
}
