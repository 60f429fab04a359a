// A party with nothing but a browser takes part in a computation of a server in another network.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { principal } from "../support/system.js";
import { cable, inNetwork } from "../support/two-networks.js";
import { Desk } from "../veracruz/people.js";
import { findBrowser } from "./browser.js";
import type { PartyTask } from "./party.js";
import { makePage } from "./prepared-page.js";

const browser = findBrowser();
const networks = browser === undefined ? undefined : cable();
if (browser === undefined) skip(1, "no chromium; on Debian: apt-get install chromium");
else if (networks === undefined) skip(1, "no network namespaces for this user");
else {
  const desk = new Desk();
  const data = exampleData("string-edit-distance");

  test("a party with nothing but a browser takes part from another network", async () => {
    const bob = principal("bob");
    desk.write("distance.wasm", readFileSync(wasmPath("examples/string-edit-distance")));
    desk.write("one", data["input-0"] as Uint8Array);
    desk.write("two", data["input-1"] as Uint8Array);
    desk.write("bob.contact", bob.pem);
    desk.write("bob.key.pem", bob.keyPem);
    const { server, client, address } = networks;
    desk.write(
      "plan.yaml",
      `parties:
  alice: {contact: alice.contact, sends: [distance.wasm, input-0]}
  bob: {contact: bob.contact, sends: input-1, reads: output}
programs: {distance.wasm: distance.wasm}
server: ${address}:3017
attestation: {server: "${address}:3010"}
`,
    );
    await desk.init("alice");
    const operator = (words: string) => desk.runIn(server, ...words.split(" "));
    try {
      for (const words of [
        "plan plan.yaml",
        "review policy.json --as alice --accept",
        "up policy.json --detach",
        "send --as alice distance.wasm distance.wasm input-0 one",
      ]) {
        const { status, stderr } = operator(words);
        assert.is(status, 0, `${words}: ${stderr}`);
      }
      const page = desk.path("principal.html");
      makePage(page);
      const task: PartyTask = {
        browser,
        page,
        certificate: desk.path("bob.contact"),
        key: desk.path("bob.key.pem"),
        policy: desk.path("policy.json"),
        server: `${address}:3017`,
        input: desk.path("two"),
      };
      desk.write("task.json", JSON.stringify(task));
      const script = fileURLToPath(new URL("party.js", import.meta.url));
      const line = inNetwork(client, process.execPath, script, desk.path("task.json"));
      const [program, ...args] = line;
      const party = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
      let [out, err] = ["", ""];
      party.stdout.on("data", (chunk) => {
        out += chunk;
      });
      party.stderr.on("data", (chunk) => {
        err += chunk;
      });
      const [code] = await once(party, "close");
      assert.is(code, 0, err);
      assert.is(out.trim(), Buffer.from(data["expected-1"] as Uint8Array).toString("hex"));
    } finally {
      operator("up policy.json --stop");
    }
  });

  test.after(() => {
    networks.remove();
    desk.remove();
  });
}
test.run();
