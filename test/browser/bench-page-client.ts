// The client of Node.js as bench-page.ts measures it: a process of its own, as a browser is one.
import { readFileSync } from "node:fs";
import { ComputationRecords } from "../../host/continuity/records.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { openSources } from "../../host/veracruz-client/files.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";

/** What it is told first: files, and where the server is. */
export interface Beginning {
  policy: string;
  certificate: string;
  key: string;
  content: string;
  records: string;
  server: { host: string; port: number };
}

/** What it then does, in a session that it opens with `checks`. */
export type Order = { do: "checks" } | { do: "send"; name: string };

let client: VeracruzClient | undefined;
let content: string;
let connect: () => Promise<VeracruzClient>;

async function obey(order: Order): Promise<number> {
  const begin = performance.now();
  if (order.do === "checks") {
    void client?.close();
    client = await connect();
    await client.reattest("isolate");
    await client.state();
    await client.missing();
  } else {
    // From the disk, as the page has it.
    const [file] = openSources([{ what: "data", name: order.name, path: content }]);
    if (file !== undefined) await client?.sendData(order.name, file.open());
  }
  return performance.now() - begin;
}

process.on("message", (message: Beginning | Order) => {
  if ("do" in message) {
    void obey(message).then((milliseconds) => process.send?.(milliseconds));
    return;
  }
  content = message.content;
  const policy = new Policy(readFileSync(message.policy));
  const identity = loadIdentity(
    readFileSync(message.certificate),
    readFileSync(message.key, "utf8"),
  );
  const records = new ComputationRecords(message.records);
  connect = () => VeracruzClient.connect({ policy, identity, records, server: message.server });
});
