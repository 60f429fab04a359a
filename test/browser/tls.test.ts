// Chromium's own TLS as a client of the session manager. It has no certificate to show, so it is refused in the end, but only
// after both sides have used the keys that they agreed on.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Group } from "../../host/session-manager/engine.js";
import { TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { identityOf, serverName } from "../session-manager/support/credentials.js";
import { alertOf, engine, server } from "../session-manager/support/exchange.js";
import { within } from "../session-manager/support/processes.js";
import { skip } from "../support/shared.js";
import { findBrowser, HeadlessBrowser } from "./browser.js";

const CERTIFICATE_REQUIRED = 116;
const path = findBrowser();

/** What Chromium and the session manager agree on, once it has answered the server's flight. */
async function agreedWith(
  browser: string,
  groups: number,
): Promise<TlsDuplex["session"]["negotiated"]> {
  const config = engine.configure({ identity: identityOf(server), groups });
  let found: (negotiated: TlsDuplex["session"]["negotiated"]) => void = () => undefined;
  const agreed = new Promise<TlsDuplex["session"]["negotiated"]>((resolve) => {
    found = resolve;
  });
  const listener = createServer((socket) => {
    const tls = new TlsDuplex({ config, role: "server", transport: socket, approve: () => false });
    let negotiated = tls.session.negotiated;
    socket.on("error", () => socket.destroy());
    tls.on("error", (error: Error) => {
      // Its empty Certificate and its Finished came under the keys, and were read.
      if (alertOf(error) === CERTIFICATE_REQUIRED) found(negotiated);
    });
    socket.on("data", () => {
      if (!tls.destroyed) negotiated = tls.session.negotiated;
    });
    tls.resume();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const shown = new HeadlessBrowser(browser, `https://${serverName}:${port}/`, [
    `--host-resolver-rules=MAP ${serverName} 127.0.0.1`,
    "--ignore-certificate-errors",
  ]);
  try {
    return await within(60, "Chromium", agreed);
  } finally {
    await shown.close();
    listener.close();
  }
}

if (path === undefined) skip(2, "no chromium; on Debian: apt-get install chromium");
else {
  test("Chromium's own TLS agrees on keys by X25519MLKEM768 by itself", async () => {
    assert.equal((await agreedWith(path, Group.all)).group, Group.x25519mlkem768);
  });

  test("and by X25519 with a server that cannot", async () => {
    assert.equal((await agreedWith(path, Group.x25519)).group, Group.x25519);
  });
}
test.run();
