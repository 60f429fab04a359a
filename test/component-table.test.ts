import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addresses, formatAddress } from "../host/common/addresses.js";
import { projectRoot } from "../host/common/paths.js";

const document = readFileSync(join(projectRoot, "COMPONENTS.md"), "utf8");
const section = document.split(/^## /m).find((part) => part.startsWith("Addresses and ports"));
const documented = new Map(
  [...(section ?? "").matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|/gm)].map(
    (match) => [match[1] as string, match[2] as string] as const,
  ),
);

test("every address in the code stands in the table of COMPONENTS.md", () => {
  for (const [name, address] of Object.entries(addresses)) {
    assert.is(documented.get(name), formatAddress(address), name);
  }
});

test("every address in the table of COMPONENTS.md stands in the code", () => {
  assert.ok(documented.size > 0);
  for (const [name, address] of documented) {
    const known = (addresses as Record<string, { host: string; port: number }>)[name];
    assert.ok(known, `${name} is not in host/common/addresses.ts`);
    assert.is(formatAddress(known), address);
  }
});

test.run();
