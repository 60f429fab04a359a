// principal.html in Chromium with the isolate on an emulated board.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { exampleData } from "../support/example-data.js";
import { emulatedDevice } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System, TestAttestation } from "../support/system.js";
import { findBrowser } from "./browser.js";
import { makePage, preparedPage } from "./prepared-page.js";

const browser = findBrowser();
const missing = missingTools() ?? (browser === undefined ? "no chromium" : undefined);
if (missing !== undefined) skip(1, missing);
else {
  const platform = emulatedDevice("mps2-an500", "c");
  const attestation = await TestAttestation.start({ platform });
  const page = join(attestation.folder, "principal.html");
  makePage(page);
  const module = exampleModule("string-edit-distance");
  const data = exampleData("string-edit-distance");

  test("the page takes part in a computation on a microcontroller", () =>
    System.use(
      {
        attestation,
        principals: { bob: "distance.wasm:w,input-0:w,input-1:w,output:r" },
        programs: { "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
      },
      async (system) => {
        const driver = await preparedPage(
          String(browser),
          page,
          attestation,
          system.address,
          principal("bob"),
          system.policy.bytes,
        );
        try {
          await driver.click("#connect-button");
          await driver.said(/^good: The isolate is the right one$/);
          const checks = await driver.run<string>("document.getElementById('checks').textContent");
          assert.match(checks, /on a microcontroller, [0-9a-f]{64}/);
          const files: [string, Uint8Array][] = [
            ["distance.wasm", module],
            ["input-0", data["input-0"] as Uint8Array],
            ["input-1", data["input-1"] as Uint8Array],
          ];
          for (const [name, bytes] of files) {
            await driver.choose(`[id="send-${name}"]`, attestation.write(`${name}.file`, bytes));
            await driver.said(new RegExp(`^good: Sent ${name.replace(".", "\\.")}$`));
          }
          await driver.click("#reading button");
          await driver.said(/^good: Fetched output$/);
          const result = await driver.run<string>(
            "document.querySelector('#reading a').dataset.hex",
          );
          assert.is(result, Buffer.from(data["expected-1"] as Uint8Array).toString("hex"));
        } finally {
          await driver.close();
        }
      },
    ));

  test.after(() => attestation.stop());
}
test.run();
