// The client of the proxy attestation server against servers that close connections.
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AttestationClient } from "../../host/proxy-attestation-server/client.js";
import { encodeBase64Message } from "../../host/transport-protocol/index.js";

const CHALLENGE = encodeBase64Message({
  type: "challenge",
  challenge: new Uint8Array(32),
  deviceId: 1,
});

/** A server that answers the first requests of a connection, so many, and resets it at the next one. */
async function impatient(answers: number): Promise<{ server: Server; connections: () => number }> {
  const seen = new Map<Socket, number>();
  const server = createServer((request, response) => {
    const served = (seen.get(request.socket) ?? 0) + 1;
    seen.set(request.socket, served);
    if (served > answers) request.socket.resetAndDestroy();
    else response.end(CHALLENGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, connections: () => seen.size };
}

/** A client of that server. */
function clientOf(server: Server): AttestationClient {
  const { port } = server.address() as AddressInfo;
  return new AttestationClient({ host: "127.0.0.1", port });
}

test("a connection that was closed while it was idle costs no request", async () => {
  const { server, connections } = await impatient(1);
  const client = clientOf(server);
  for (let i = 1; i <= 3; i++) {
    assert.is((await client.start("test")).deviceId, 1);
    assert.is(connections(), i);
  }
  client.close();
  server.close();
});

test("a new connection that is reset is no such: it is told at once", async () => {
  const { server, connections } = await impatient(0);
  const client = clientOf(server);
  const failed = await client.start("test").catch((error: Error) => error);
  assert.instance(failed, Error);
  assert.match((failed as Error).message, /ECONNRESET|socket hang up/);
  assert.is(connections(), 1);
  client.close();
  server.close();
});

test.run();
