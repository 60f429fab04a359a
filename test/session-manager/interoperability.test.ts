// The engine against OpenSSL, GnuTLS and Node over real sockets, cut at random byte boundaries, with
// KeyUpdates in between. Here a subset in which each pair of values meets, for each peer in each role;
// the whole matrix: `npm run test:tls-matrix`.
import { test } from "uvu";
import { skip } from "../support/shared.js";
import { describe, pairwiseCases } from "./support/cases.js";
import { foreignClients, foreignServers } from "./support/foreign.js";
import { serveForeignClient, useForeignServer } from "./support/interoperability.js";

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

test.run();
