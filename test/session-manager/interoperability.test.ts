// The engine against OpenSSL, GnuTLS and Node over real sockets, cut at random byte boundaries, with
// KeyUpdates in between. Here a subset in which each pair of values meets, for each peer in each role;
// the whole matrix: `npm run test:tls-matrix`.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { skip } from "../support/shared.js";
import { describe, pairwiseCases } from "./support/cases.js";
import { identityOf } from "./support/credentials.js";
import { engine, server } from "./support/exchange.js";
import {
  foreignClients,
  foreignServers,
  gnutlsClient,
  opensslClient,
  updateKeysByCommand,
} from "./support/foreign.js";
import { serveForeignClient, useForeignServer } from "./support/interoperability.js";
import { within } from "./support/processes.js";

for (const [index, peer] of foreignClients.entries()) {
  // No other stack loads a key that is not its certificate's: `server.test.ts` does that.
  const cases = pairwiseCases(13 * index).filter((one) => one.certificate !== "wrong key");
  const missing = peer.missing();
  if (missing !== undefined) skip(cases.length, missing);
  else
    for (const one of cases)
      test(`${peer.name}: ${describe(one)}`, () => serveForeignClient(peer, one));
}

for (const [index, peer] of foreignServers.entries()) {
  const cases = pairwiseCases(13 * index + 6);
  const missing = peer.missing();
  if (missing !== undefined) skip(cases.length, missing);
  else
    for (const one of cases)
      test(`${peer.name}: ${describe(one)}`, () => useForeignServer(peer, one));
}

for (const [tool, peer] of [
  ["openssl", opensslClient],
  ["gnutls-cli", gnutlsClient],
] as const) {
  const missing = peer.missing();
  if (missing !== undefined) skip(1, missing);
  else
    test(`${peer.name}: replaces its keys, and asks for ours`, async () => {
      const listener = createServer();
      listener.listen(0, "127.0.0.1");
      await once(listener, "listening");
      const connected = once(listener, "connection").then(([socket]) => {
        const tls = new TlsDuplex({
          config: engine.configure({ identity: identityOf(server) }),
          role: "server",
          transport: socket as Socket,
          approve: () => true,
        });
        tls.on("error", () => undefined);
        return tls;
      });
      /** Waits for a line, looks at the record numbers, answers. */
      const receive = async (text: string): Promise<void> => {
        const tls = await connected;
        let line = "";
        while (!line.includes(text)) {
          const [chunk] = (await once(tls, "data")) as [Buffer];
          line += chunk.toString();
        }
        // The first record under its key: the key before has been replaced.
        assert.is(engine.call("readSequence", tls.session.handle), 1, text);
        const written = engine.call("writeSequence", tls.session.handle);
        assert.is(
          written,
          text === "second" ? 1 : 0,
          `ours has been replaced only when asked: ${text}`,
        );
        tls.write(`${text}\n`);
      };
      const lines = [
        { text: "first", command: "update" },
        { text: "second", command: "update and ask" },
        { text: "third" },
      ] as const;
      const port = (listener.address() as AddressInfo).port;
      await within(30, peer.name, updateKeysByCommand(tool, port, lines, receive));
      listener.close();
      (await connected).destroy();
    });
}

test.run();
