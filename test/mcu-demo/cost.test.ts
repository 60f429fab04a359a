// What the client costs on a Cortex-M3: flash and RAM by the linker's account, stack by what was written
// of it, instructions by the emulator's exact clock, and the heap by its own count.
import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hosts, missingTools } from "../../host/mcu/toolchain.js";
import { buildClient, clientImage } from "../../host/mcu-client/device.js";
import { skip } from "../support/shared.js";
import { System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const SAMPLE = "audio-event-triangulation";
const FLASH_BYTES = 150 * 1024;
const RAM_BYTES = 64 * 1024;
const INSTRUCTIONS = 16_000_000;
const STACK_BYTES = 6144;

const missing = missingTools();
if (missing) skip(3, missing);
else {
  test("the compiled client with lwIP and sample fits its flash and RAM", async () => {
    await buildClient("mps2-an385", "c", SAMPLE);
    const said = execFileSync("arm-none-eabi-size", [clientImage("mps2-an385", "c", SAMPLE)], {
      encoding: "utf8",
    });
    // Stack included; the image has no heap that it uses.
    const [text = 0, data = 0, bss = 0] = (said.split("\n")[1] ?? "")
      .trim()
      .split(/\s+/)
      .map(Number);
    console.log(`  flash ${text + data} bytes, RAM ${data + bss} bytes`);
    assert.ok(text + data <= FLASH_BYTES, `${text + data} bytes of flash`);
    assert.ok(data + bss <= RAM_BYTES, `${data + bss} bytes of RAM`);
    const symbols = execFileSync("arm-none-eabi-nm", [clientImage("mps2-an385", "c", SAMPLE)], {
      encoding: "utf8",
    });
    assert.not.match(symbols, / T (malloc|calloc|realloc)$/m, "nothing is allocated on a heap");
  });

  test("handshake and sending 1 KiB take few instructions, and the stack holds", async () => {
    await buildClient("mps2-an385", "c", SAMPLE, true);
    const system = await System.start(threeDevices(SAMPLE));
    const device = startDevice(system, {
      sample: SAMPLE,
      image: clientImage("mps2-an385", "c", SAMPLE, true),
      exact: true,
      data: { "input-0": new Uint8Array(1024).fill(7) },
    });
    try {
      assert.is(await device.ended, 0, device.lines.join("\n"));
      const until = device.lines.findIndex((line) => /^device: sent/.test(line));
      const counts = device.lines
        .slice(0, until)
        .flatMap((line) => /^trace \w+ (\d+)$/.exec(line)?.[1] ?? []);
      const instructions = counts.reduce((sum, count) => sum + Number(count), 0);
      const [, stack] = await device.line(/^trace stack (\d+)$/);
      console.log(`  ${instructions} instructions, ${stack} bytes of stack`);
      // Far below, something was not counted.
      assert.ok(instructions > 5_000_000 && instructions <= INSTRUCTIONS, `${instructions}`);
      assert.ok(Number(stack) < 0.9 * STACK_BYTES, `${stack} of ${STACK_BYTES} bytes of stack`);
    } finally {
      await device.close();
      await system.stop();
    }
  });

  test("no memory is allocated once connected, compiled or interpreted", async () => {
    const system = await System.start(threeDevices(SAMPLE));
    try {
      for (const [index, host] of hosts.entries()) {
        await buildClient("mps2-an385", host, SAMPLE, true);
        const device = startDevice(system, {
          sample: SAMPLE,
          host,
          image: clientImage("mps2-an385", host, SAMPLE, true),
          name: `device-${index}`,
          data: { [`input-${index}`]: new Uint8Array(20_000).fill(7) },
        });
        assert.is(await device.ended, 0, device.lines.join("\n"));
        const heap = device.lines.flatMap((line) => {
          const found = /^trace heap (\w+) (\d+) allocations, (\d+) bytes$/.exec(line);
          return found === null ? [] : [{ when: found[1], count: found[2], bytes: found[3] }];
        });
        assert.equal(
          heap.map(({ when }) => when),
          ["connected", "sent", "closed"],
        );
        const [connected] = heap;
        console.log(
          `  ${host}: ${connected?.count} allocations, ${connected?.bytes} bytes of heap`,
        );
        for (const { when, count, bytes } of heap) {
          assert.is(count, connected?.count, `${host}: allocations when ${when}`);
          assert.is(bytes, connected?.bytes, `${host}: bytes in use when ${when}`);
        }
        // Interpreted code is made on the heap; were it not seen, the count would tell nothing.
        assert.is(Number(connected?.count) > 100, host === "wasm3", `${connected?.count}`);
      }
    } finally {
      await system.stop();
    }
  });
}

test.run();
