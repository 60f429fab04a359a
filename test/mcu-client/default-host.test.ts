// The default way to host an isolate's trusted runtime: one for the commands and for make, and the one that help texts name.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import {
  defaultRuntimeHost,
  emulatedBoards,
  emulatedForms,
  parseEmulated,
  runtimeHosts,
} from "../../host/mcu/toolchain.js";
import { veracruzProgram } from "../../host/veracruz/program.js";
import { parseIsolate } from "../../host/veracruz-server/isolate-choice.js";

const text = (path: string) => readFileSync(join(projectRoot, path), "utf8");

test("make and the commands have the same default, and no image of the isolate one of its own", () => {
  assert.match(text("mcu-client/images/isolate/host.mk"), `\nHOST ?= ${defaultRuntimeHost}\n`);
  for (const image of ["isolate", "outside", "engine"]) {
    const lines = text(`mcu-client/images/${image}/image.mk`);
    assert.match(lines, "\ninclude $(ROOT)/images/isolate/host.mk\n");
    assert.not.match(lines, /^HOST *[?:]?=/m);
  }
});

test("an isolate's name takes the default, or any host by name", () => {
  for (const board of emulatedBoards) {
    assert.equal(parseEmulated(board), { board, runtimeHost: defaultRuntimeHost });
    for (const runtimeHost of runtimeHosts) {
      assert.equal(parseEmulated(`${board}:${runtimeHost}`), { board, runtimeHost });
      const isolate = parseIsolate(`qemu:${board}:${runtimeHost}`);
      assert.equal(isolate, { kind: "qemu", board, runtimeHost });
    }
  }
  for (const wrong of ["", "nothing", "mps2-an505:", "mps2-an505:v8", "mps2-an505:c:c", ":c"])
    assert.is(parseEmulated(wrong), undefined, wrong);
});

test("what is refused is told of every board and host, and help names every host", () => {
  for (const wrong of ["qemu:nothing", "qemu:mps2-an505:v8", "qemu", "board"]) {
    assert.throws(
      () => parseIsolate(wrong),
      ({ message }: Error) =>
        message.includes(`or ${emulatedForms}, where BOARD is one of ${emulatedBoards.join(", ")}`),
    );
  }
  for (const host of runtimeHosts) assert.ok(emulatedForms.includes(host));
  const up = veracruzProgram().commands.find((command) => command.name() === "up");
  assert.ok(up?.helpInformation().replace(/\s+/g, " ").includes(emulatedForms));
  assert.ok(text("mcu-client/scripts/common.sh").includes(emulatedForms));
});

test.run();
