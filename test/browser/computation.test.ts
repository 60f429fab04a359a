// A browser as a principal: the session manager's client role, as it is, in Chromium, over the WebSocket
// of the Veracruz server, into an attested isolate.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { ISOLATE_NAME } from "../../host/veracruz-client/isolate-identity.js";
import { certificateFromPem } from "../../host/x509/principal-certificate.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System } from "../support/system.js";
import { findBrowser, HeadlessBrowser, PageServer } from "./browser.js";
import type { Parameters, Report } from "./principal.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Shows the page and waits for its report. */
async function show(path: string, pages: PageServer): Promise<Report> {
  const browser = new HeadlessBrowser(path, pages.origin);
  try {
    const ended = browser.ended.then((said) => {
      throw new Error(`the browser ended before the page had reported: ${said}`);
    });
    return await Promise.race([pages.reported, ended]);
  } finally {
    await browser.close();
  }
}

const path = findBrowser();
if (path === undefined) skip(2, "no chromium; on Debian: apt-get install chromium");
else {
  const module = exampleModule("string-edit-distance");
  const data = exampleData("string-edit-distance");

  /** A system whose server takes WebSockets of the page's origin, or of another one only. */
  const withPage = async (
    allowed: boolean,
    run: (system: System, pages: PageServer) => Promise<void>,
  ) => {
    let parameters: Parameters | undefined;
    const pages = await PageServer.start(() => parameters as Parameters);
    const system = await System.start({
      principals: { alice: "distance.wasm:w,input-0:w", bob: "input-1:w,output:r" },
      programs: { "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
      policy: { key_exchange: "hybrid-required" },
      server: { allowedOrigins: [allowed ? pages.origin : "https://another.example"] },
    });
    try {
      const { pem, keyPem } = principal("bob");
      const { key, certificate } = loadIdentity(Buffer.from(pem), keyPem);
      parameters = {
        url: system.url("/runtime_manager").replace(/^http/, "ws"),
        authority: hex(certificateFromPem(system.attestation.caPem)),
        name: ISOLATE_NAME,
        privateKey: Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url").toString("hex"),
        certificate: hex(certificate.raw),
        runtimeHash: hex(system.attestation.runtimeHash),
        policyHash: hex(system.policy.hash),
        hybridRequired: system.policy.document.key_exchange === "hybrid-required",
        input: { fileName: "input-1", bytes: hex(data["input-1"] as Uint8Array) },
      };
      await run(system, pages);
    } finally {
      await system.stop();
      pages.close();
    }
  };

  test("a browser checks the isolate, sends its input and reads the result", () =>
    withPage(true, async (system, pages) => {
      const alice = await system.connect("alice");
      await alice.sendProgram("distance.wasm", module);
      await alice.sendData("input-0", data["input-0"] as Uint8Array);
      const { result, failure, userAgent, keyExchange } = await show(path, pages);
      assert.is(failure, undefined);
      assert.is(keyExchange, "X25519MLKEM768");
      assert.match(userAgent, /Chrome/);
      assert.is(result, hex(data["expected-1"] as Uint8Array));
      await alice.close();
    }));

  test("a page of an origin that is not on the server's list gets no session without a signature", () =>
    withPage(false, async (system, pages) => {
      const { result, failure } = await show(path, pages);
      assert.is(result, undefined);
      assert.match(failure ?? "", /^the WebSocket was closed with 1008$/);
      assert.is(system.logged("session opened").length, 0);
    }));
}
test.run();
