// The network of private-inference on an emulated Cortex-M33: it fits, and classifies image after image in one attested
// computation. `npm run bench:inference` does so with a hundred.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { runOnDevice } from "../../host/mcu/device-engine.js";
import { defaultRuntimeHost, missingTools } from "../../host/mcu/toolchain.js";
import { exampleRounds } from "../support/example-data.js";
import { emulatedDevice } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { TestAttestation } from "../support/system.js";
import { inferenceModel, inferInRounds } from "./inference-rounds.js";

const rounds = exampleRounds("private-inference", "--images", "10");
const folder = mkdtempSync(join(tmpdir(), "vc-inference-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const missing = missingTools();
if (missing) skip(2, missing);
else {
  test("on an emulated Cortex-M33 it says the same, in 160 KB of memory", async () => {
    const path = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const network = path("network", inferenceModel);
    const outcomes = await runOnDevice({
      board: "mps2-an505",
      host: defaultRuntimeHost,
      exact: true,
      tasks: rounds.map(({ streams }, round) => ({
        program: wasmPath("examples/private-inference"),
        inputs: [network],
        streams: [path(`image-${round}`, streams[0] as Uint8Array)],
      })),
    });
    assert.is(outcomes.length, rounds.length);
    for (const [round, { returnCode, result, peakMemoryBytes }] of outcomes.entries()) {
      assert.is(returnCode, 0);
      assert.equal(new Uint8Array(result as Buffer), rounds[round]?.expected);
      assert.ok(peakMemoryBytes <= 160_000, `${peakMemoryBytes} bytes`);
    }
  });

  test("in the isolate of an emulated Cortex-M33, one computation classifies ten images in ten rounds", async () => {
    const attestation = await TestAttestation.start({
      platform: emulatedDevice("mps2-an505", "c"),
    });
    try {
      const images = rounds.map(({ streams: [image] }) => image as Uint8Array);
      const expected = rounds.map((round) => round.expected?.[0]);
      assert.equal(await inferInRounds(attestation, images), expected);
    } finally {
      await attestation.stop();
    }
  });
}

test.run();
