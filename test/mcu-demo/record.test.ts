// C, for a microcontroller whose record lies in flash: a device that was reset goes to no other isolate of its policy.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { buildClient } from "../../host/mcu-client/device.js";
import { skip } from "../support/shared.js";
import { System, until } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const SAMPLE = "shamir-secret-sharing";
const data = { "input-0": Uint8Array.of(1, 2, 3, 4) };
const BOARD = "mps2-an505";

const reason = missingTools();
if (reason !== undefined) skip(1, reason);
else
  test("C: a device that was reset keeps to the isolate on its record, in flash, unless its owner agrees", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vc-record-"));
    const record = join(folder, "record.flash");
    await buildClient(BOARD, "c", SAMPLE);
    const system = await System.start({
      ...threeDevices(SAMPLE),
      policy: { max_restarts: 1 },
      server: { isolateRestarts: 8 },
    });
    const device = { board: BOARD, sample: SAMPLE, record, data } as const;
    try {
      const first = startDevice(system, device);
      assert.is(await first.ended, 0, first.lines.join("\n"));
      const kept = readFileSync(record);
      assert.ok(kept.includes("VCREC01"));
      // The same device again, as after a reset: it knows the isolate, and writes nothing more.
      const again = startDevice(system, device);
      await again.ended;
      assert.not.match(again.lines.join("\n"), /RESTART/);
      assert.ok(readFileSync(record).equals(kept));

      system.killIsolate();
      await until("the second isolate", async () => {
        const { status, isolate } = await system.health();
        return status === "ready" && isolate.restarts === 1;
      });
      // Whoever owns the machine has the computation committed to the other one.
      const owner = await system.connect("owner");
      await owner.commit();
      await owner.close();
      const refusing = startDevice(system, device);
      assert.is.not(await refusing.ended, 0);
      assert.match(refusing.lines.join("\n"), /^device: RESTART, 0 files sent$/m);
      assert.ok(readFileSync(record).equals(kept));
      const agreeing = startDevice(system, { ...device, content: { acceptRestart: 2 } });
      assert.is(await agreeing.ended, 0, agreeing.lines.join("\n"));
      assert.not.ok(readFileSync(record).equals(kept));
      const later = startDevice(system, { ...device, data: {} });
      assert.is(await later.ended, 0, later.lines.join("\n"));
    } finally {
      await system.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
test.run();
