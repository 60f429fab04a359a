// The price of the patches, in instructions. They repeat exactly: a bar that is crossed was crossed by a change.
import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import {
  countInstructions,
  hasCallgrind,
  type Kernel,
} from "../../host/wasm3-node/instructions.js";
import { skip } from "../support/shared.js";

const bars: (Kernel & { bar: number })[] = [
  { label: "SHA-256", name: "sha256", small: 5, large: 25, bar: 1.1 },
  { label: "fib", name: "fib", small: 5, large: 14, bar: 1.1 },
  { label: "sort", name: "sort", small: 0, large: 100, bar: 1.1 },
  { label: "square roots", name: "roots", small: 100, large: 600, bar: 1.1 },
  { label: "empty loop", name: "empty", small: 10_000, large: 40_000, bar: 1.25 },
];

if (!(await hasCallgrind())) skip(bars.length, "valgrind is not installed (Debian: valgrind)");
else if (!existsSync(wasmPath("testing/wasm3-kernels"))) throw new Error("run npm run build first");
else
  for (const { bar, ...kernel } of bars)
    test(`${kernel.label}: at most ${bar} × the instructions of the unpatched interpreter`, async () => {
      const [count] = await countInstructions([kernel]);
      assert.ok(count && count.upstream > 50_000, JSON.stringify(count));
      assert.ok(count.ratio <= bar, JSON.stringify(count));
    });

test.run();
