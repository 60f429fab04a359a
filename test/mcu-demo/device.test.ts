// The client's firmware on an emulated Cortex-M, against a real server and an attested isolate.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { buildClient } from "../../host/mcu-client/device.js";
import { exampleRounds } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const missing = missingTools();
if (missing) skip(1, missing);
else {
  // Compiled and interpreted, Cortex-M3 and Cortex-M33.
  const kinds = [
    { board: "mps2-an385", host: "c" },
    { board: "mps2-an385", host: "wasm3" },
    { board: "mps2-an505", host: "c" },
  ] as const;

  test.before(async () => {
    for (const { board, host } of kinds) await buildClient(board, host, "shamir-secret-sharing");
  });

  test("three devices at once give their shares; the owner gets the secret", async () => {
    const secret = "squeamish ossifrage";
    const [round] = exampleRounds("shamir-secret-sharing", "--secret", secret);
    const system = await System.start(threeDevices("shamir-secret-sharing"));
    const shares = round?.inputs ?? [];
    const devices = shares.map((share, i) =>
      startDevice(system, { ...kinds[i], name: `device-${i}`, data: { [`input-${i}`]: share } }),
    );
    try {
      const codes = await Promise.all(devices.map((device) => device.ended));
      assert.equal(codes, [0, 0, 0], devices.map(({ lines }) => lines.join("\n")).join("\n---\n"));
      const owner = await system.connect("owner");
      await owner.sendProgram("shamir-secret-sharing.wasm", exampleModule("shamir-secret-sharing"));
      assert.is((await owner.read("output")).toString(), secret);
      await owner.close();
    } finally {
      for (const device of devices) await device.close();
      await system.stop();
    }
  });
}

test.run();
