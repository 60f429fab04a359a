// Short runs of the fuzzer of what a server may answer; `npm run fuzz:client` makes longer ones.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingPosixTools } from "../../host/mcu-client/library.js";
import { skip } from "../support/shared.js";
import { fuzz, fuzzKinds, missingFuzzTools } from "./fuzz.js";

const RUNS = 3000;
/** A client that stops at its first byte covers some hundred edges. */
const EDGES = { answers: 1500, inside: 1000 };
/** Scenes: before each answer of the recorded session; inside TLS, before those that end with the handshake. */
const SCENES = { answers: 10, inside: 5 };
const missing = missingPosixTools() ?? missingFuzzTools();
if (missing) skip(fuzzKinds.length, missing);
else
  for (const kind of fuzzKinds)
    test(`whatever a server answers, ${kind}, the client ends with a code, and the sanitizers have nothing to say`, async () => {
      const findings = mkdtempSync(join(tmpdir(), "vc-findings-"));
      try {
        const { code, output, replayed, scenes, runs } = await fuzz({ kind, runs: RUNS, findings });
        // The recorded answers are still good ones.
        assert.is(replayed, 0, output);
        assert.is(code, 0, output);
        assert.equal(readdirSync(findings), []);
        assert.ok(runs >= RUNS, output);
        const covered = [...output.matchAll(/ cov: (\d+)/g)]
          .map(([, count]) => Number(count))
          .at(-1);
        console.log(`  ${scenes} scenes, ${runs} runs, ${covered} edges`);
        assert.ok(scenes >= SCENES[kind], `${scenes} scenes`);
        assert.ok((covered ?? 0) > EDGES[kind], output);
      } finally {
        if (existsSync(findings)) rmSync(findings, { recursive: true });
      }
    });

test.run();
