// What the client costs on a Cortex-M3: flash and RAM by the linker's account, stack by what was written
// of it, instructions by the emulator's exact clock, and the heap by its own count.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { imageSizes } from "../../host/mcu/size-report.js";
import { hosts, missingTools } from "../../host/mcu/toolchain.js";
import { buildClient, clientImage } from "../../host/mcu-client/device.js";
import { skip } from "../support/shared.js";
import { System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const SAMPLE = "audio-event-triangulation";
// Of it 22 KiB at most are the hybrid key exchange's (ML-KEM-768, SHA-3).
const FLASH_BYTES = 155 * 1024;
const RAM_BYTES = 68 * 1024;
const INSTRUCTIONS = 12_500_000;
const CLOCKLESS_INSTRUCTIONS = 14_700_000;
const STACK_BYTES = 6144;
/** Of what a page states, so that not every change of a byte changes it. */
const TOLERANCE = 0.02;
/** Of one step, which another task may have to wait for: about one signature or one verification. */
const STEP_INSTRUCTIONS = 2_200_000;

const missing = missingTools();
if (missing) skip(4, missing);
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

  test("the page on the library says what its parts take", () => {
    const { flash, ram } = imageSizes(clientImage("mps2-an385", "c", SAMPLE));
    const guide = readFileSync(join(projectRoot, "docs/mcu-client-library.md"), "utf8");
    const parts = {
      "the client's module: TLS 1.3, cryptography": "client module",
      "the rest of the library": "client library",
      "lwIP, where you use it": "lwIP",
    };
    for (const [title, part] of Object.entries(parts)) {
      const row = guide.split("\n").find((line) => line.startsWith(`| ${title} `)) ?? "";
      const stated = [...row.matchAll(/([\d.]+) KiB/g)].map(([, kib]) => Number(kib));
      const measured = [flash[part] ?? 0, ram[part] ?? 0].map((bytes) => bytes / 1024);
      assert.is(stated.length, 2, title);
      for (const [index, kib] of measured.entries())
        assert.ok(
          Math.abs((stated[index] ?? 0) - kib) <= Math.max(0.1, kib * TOLERANCE),
          `${title}: ${stated[index]} KiB stated, ${kib.toFixed(1)} measured`,
        );
    }
    assert.match(
      guide,
      new RegExp(`^\\| stack,[^|]*\\| +\\| ${STACK_BYTES / 1024}\\.0 KiB +\\|$`, "m"),
    );
  });

  // Of both: admission signature, handshake, commit and 1 KiB; of the one without a clock, freshness as well.
  for (const clockless of [false, true])
    test(`a first session ${clockless ? "without" : "with"} a clock takes few instructions, and the stack holds`, async () => {
      await buildClient("mps2-an385", "c", SAMPLE, true);
      const system = await System.start(threeDevices(SAMPLE));
      const device = startDevice(system, {
        sample: SAMPLE,
        image: clientImage("mps2-an385", "c", SAMPLE, true),
        exact: true,
        clockless,
        data: { "input-0": new Uint8Array(1024).fill(7) },
      });
      try {
        assert.is(await device.ended, 0, device.lines.join("\n"));
        assert.is(
          device.lines.some((line) => line.includes("no clock")),
          clockless,
        );
        const until = device.lines.findIndex((line) => /^device: sent/.test(line));
        const counts = device.lines
          .slice(0, until)
          .flatMap((line) => /^trace \w+ (\d+)$/.exec(line)?.[1] ?? []);
        const longest = new Map<string, number>();
        const sums = new Map<string, { steps: number; instructions: number }>();
        for (const line of device.lines) {
          const [, kind, count] = /^trace (\w+) (\d+)$/.exec(line) ?? [];
          if (kind === undefined || kind === "stack") continue;
          longest.set(kind, Math.max(longest.get(kind) ?? 0, Number(count)));
          const { steps, instructions } = sums.get(kind) ?? { steps: 0, instructions: 0 };
          sums.set(kind, { steps: steps + 1, instructions: instructions + Number(count) });
        }
        console.log(
          `  steps: ${[...sums].map(([kind, sum]) => `${kind} ${sum.steps} with ${sum.instructions}`).join(", ")}`,
        );
        console.log(
          `  longest steps: ${[...longest].map(([kind, count]) => `${kind} ${count}`).join(", ")}`,
        );
        assert.equal([...longest.keys()].sort(), ["configure", "open", "receive", "step", "work"]);
        // As long as a verification, or nothing heavy was counted.
        assert.ok((longest.get("work") ?? 0) > 1_000_000);
        for (const [kind, count] of longest)
          assert.ok(count <= STEP_INSTRUCTIONS, `${count} instructions to ${kind}`);
        const instructions = counts.reduce((sum, count) => sum + Number(count), 0);
        const [, stack] = await device.line(/^trace stack (\d+)$/);
        console.log(`  ${instructions} instructions, ${stack} bytes of stack`);
        const most = clockless ? CLOCKLESS_INSTRUCTIONS : INSTRUCTIONS;
        // Far below, something was not counted.
        assert.ok(instructions > 5_000_000 && instructions <= most, `${instructions}`);
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
