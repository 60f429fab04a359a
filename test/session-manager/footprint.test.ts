import { statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { bars, clientMemory, serverMemory } from "./footprint-figures.js";

// The roles alone take minutes to build on a busy machine: `npm run bench:tls-footprint` shows them.
test("the module with both roles is within its bar", () => {
  const { size } = statSync(wasmPath("session-manager"));
  assert.ok(size <= bars.modules["server and client"], `${size} bytes`);
});

for (const recordSizeLimit of [4096, 16385] as const)
  for (const [role, measure] of [
    ["server", serverMemory],
    ["client", clientMemory],
  ] as const)
    test(`${role}: memory is within its bars, at the worst, with records of ${recordSizeLimit}`, () => {
      const { idle, handshake } = measure({ recordSizeLimit, greedy: true });
      assert.ok(idle <= bars.idle, `idle: ${idle} bytes`);
      assert.ok(handshake <= bars.handshake[recordSizeLimit], `handshake: ${handshake} bytes`);
    });

test.run();
