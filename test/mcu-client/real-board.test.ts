// The real board's firmware is built and measured here; to run it takes the board.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { flashSettings } from "../../host/mcu/boards.js";
import { controlPage } from "../../host/mcu/control-page.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { imageSizes, mapSections, total } from "../../host/mcu/size-report.js";
import { defaultRuntimeHost, make, missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const board = "nucleo-h753zi";
const FLASH_MAIN = (1024 - 128) * 1024;
const FLASH_BOOT = 128 * 1024;
const RAM = 512 * 1024;
/** The memory of the core, and the other one, as the reference manual names them. */
const DTCM = { start: 0x20000000, size: 128 * 1024 };
const AXI = { start: 0x24000000, size: RAM };
/** Heap that a program of 16 KiB with one page takes, with room to spare. */
const PROGRAM_HEAP = 160 * 1024;

const vcMcu = (...args: string[]) =>
  spawnSync(process.execPath, [join(projectRoot, "build/js/host/mcu/cli.js"), ...args], {
    encoding: "utf8",
    env: { ...process.env, PATH: "/nonexistent" },
  });

test("flashing says what is missing: the board, or the tool", () => {
  const emulated = vcMcu("flash", "--board", "mps2-an385");
  assert.is(emulated.status, 2);
  assert.match(emulated.stderr, /mps2-an385 is emulated: use npm run mcu:run/);
  const tool = vcMcu("flash", "--board", board, "--host", "c");
  assert.is(tool.status, 1);
  assert.match(tool.stderr, /none of the flashing tools is installed: openocd/);
  assert.match(vcMcu("flash", "--board", "nonesuch").stderr, /no such board: nonesuch\. There are/);
});

test("flashing provisions a control key, or says that the network is trusted", () => {
  const { tools } = flashSettings(board);
  for (const { common, control, flash: programs } of tools) {
    assert.ok(common.length > 0 && programs.join(" ").includes("{main}"));
    assert.match(control.join(" "), /^-c program \{control\} 0x081C0000 verify$/);
  }
  const key = Buffer.alloc(32, 7);
  const page = controlPage({ key });
  assert.is(page.length, 48);
  assert.is(page.toString("latin1", 0, 8), "VCCTRL01");
  assert.is(page.readUInt32LE(8), 1);
  assert.ok(page.subarray(12, 44).equals(key));
  assert.is(page.readUInt32LE(44), crc32(page.subarray(8, 44)));
  const trusted = controlPage("trust-network");
  assert.is(trusted.readUInt32LE(8), 2);
  assert.ok(trusted.subarray(12, 44).every((byte) => byte === 0));
  const both = vcMcu("flash", "--board", board, "--control-key", "k", "--trust-network");
  assert.match(both.stderr, /cannot be used with/);
  const none = vcMcu("run", "--board", "mps2-an385");
  assert.is(none.status, 2);
  assert.match(none.stderr, /give --control-key, which the server must have, or --trust-network/);
});

/** Registers of a board, and those of a board that hides its secret. */
const OPEN = { options: "1406aaf0", area1: "000000ff", protect1: "000000ff", area2: "000000ff" };
const HIDDEN = {
  options: "1426aaf0",
  area1: "81ff0000",
  protect1: "000000fe",
  area2: "8fff0e00",
};

/** OpenOCD in the place of a board: logs what it is asked for, and has these registers, `HIDDEN` once they were set. */
function probeOf(registers: typeof OPEN, hides = true): string {
  const folder = mkdtempSync(join(tmpdir(), "vc-probe-"));
  folders.push(folder);
  const print = ({ options, area1, protect1, area2 }: typeof OPEN) =>
    `echo "0x5200201c: ${options} "; echo "0x52002030: ${area1} "; echo "0x52002038: ${protect1} "; echo "0x52002130: ${area2} "`;
  const script = `#!/bin/sh
echo "$*" >> ${folder}/log
case "$*" in
  *"0x20 0x00200000"*) ${hides ? `: > ${folder}/hidden` : ":"} ;;
  *mdw*) if [ -e ${folder}/hidden ]; then ${print(HIDDEN)}; else ${print(registers)}; fi ;;
esac
`;
  writeFileSync(join(folder, "openocd"), script, { mode: 0o755 });
  return folder;
}

const folders: string[] = [];
test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function withProbe(folder: string, args: readonly string[], input = "") {
  const run = spawnSync(
    process.execPath,
    [join(projectRoot, "build/js/host/mcu/cli.js"), ...args],
    { encoding: "utf8", input, env: { ...process.env, PATH: `${folder}:/usr/bin:/bin` } },
  );
  const log = join(folder, "log");
  return { ...run, asked: existsSync(log) ? readFileSync(log, "utf8") : "" };
}

const CHANGES = /option_write/;
const LOCKS = /0x20 0x0000cc00 0x0000ff00/;
const lock = ["provision", "--lock", "--board", board, "--host", "c", "--console", "/nonexistent"];

test("inspect reads a board's protections back", () => {
  const open = withProbe(probeOf(OPEN), ["inspect", "--board", board]);
  assert.is(open.status, 0, open.stderr);
  assert.match(open.stdout, /^secure access mode {11}no$/m);
  assert.match(open.stdout, /^readout protection {11}level 0/m);
  assert.match(open.stdout, /^lifecycle {20}for development \(0x4000\)$/m);
  assert.not.match(open.asked, CHANGES);

  const hidden = withProbe(probeOf(HIDDEN), ["inspect", "--board", board]);
  assert.match(hidden.stdout, /^device secret hidden {9}yes$/m);
  assert.match(hidden.stdout, /^first stage write-protected {2}yes$/m);
  assert.match(hidden.stdout, /^lifecycle {20}for development/m);

  const locked = withProbe(probeOf({ ...HIDDEN, options: "1426ccf0" }), [
    "inspect",
    "--board",
    board,
  ]);
  assert.match(locked.stdout, /^lifecycle {20}secured \(0x3000\)$/m);
  // Each of them counts.
  for (const part of Object.keys(OPEN) as (keyof typeof OPEN)[]) {
    const without = { ...HIDDEN, options: "1426ccf0", [part]: OPEN[part] };
    const { stdout } = withProbe(probeOf(without), ["inspect", "--board", board]);
    assert.match(stdout, /^lifecycle {20}for development/m, part);
  }
});

test("a board is locked after a confirmation in words, and not by anything less", () => {
  for (const said of [
    "",
    "y\n",
    "yes\n",
    "lock\n",
    `lock ${board}\n`,
    ` lock ${board} for ever\n`,
  ]) {
    const { status, stderr, asked } = withProbe(probeOf(OPEN), lock, said);
    assert.is(status, 1);
    assert.match(stderr, /nothing was changed/);
    assert.not.match(asked, CHANGES, JSON.stringify(said));
  }
  const { asked } = withProbe(probeOf(OPEN), lock, `lock ${board} for ever\n`);
  // First hidden, then seen to be hidden, then locked.
  assert.match(asked, /0x20 0x00200000 0x00200000[\s\S]*mdw[\s\S]*0x20 0x0000cc00 0x0000ff00/);
});

test("no debugger is shut out of a board that has not hidden its secret", () => {
  const { status, stderr, asked } = withProbe(
    probeOf(OPEN, false),
    lock,
    `lock ${board} for ever\n`,
  );
  assert.is(status, 1);
  assert.match(stderr, /has not set up its secure areas/);
  assert.not.match(asked, LOCKS);
});

test("--lock is for real boards", () => {
  const emulated = withProbe(probeOf(OPEN), ["provision", "--lock", "--board", "mps2-an505"]);
  assert.is(emulated.status, 2);
  assert.match(emulated.stderr, /--lock is for a real board/);
});

const reason = missingTools();
const hosts = [defaultRuntimeHost, "c"] as const;
if (reason) skip(2 * hosts.length + 1, reason);
else {
  for (const host of hosts) {
    test(`${board} HOST=${host}: first stage and isolate fit into flash, and RAM leaves room for a program`, async () => {
      await buildIsolate(board, host);
      const { boot, elf, main } = isolateImages(board, host);
      const sizes = imageSizes(elf);
      assert.ok(statSync(main).size <= FLASH_MAIN);
      assert.ok(statSync(boot.replace(/elf$/, "bin")).size <= FLASH_BOOT);
      assert.ok(total(sizes.ram) + PROGRAM_HEAP <= RAM, `${total(sizes.ram)} bytes are reserved`);
      assert.ok((sizes.flash["trusted runtime"] ?? 0) > 50_000, "the runtime is in the image");
    });

    test(`${board} HOST=${host}: the core and its secrets lie where the Ethernet controller's DMA does not reach`, async () => {
      await buildIsolate(board, host);
      const { elf, main } = isolateImages(board, host);
      const map = readFileSync(elf.replace(/elf$/, "map"), "utf8");
      const symbol = (name: string) => {
        const [, address] = new RegExp(`^ +0x([0-9a-f]+) +${name}(?: =.*)?$`, "m").exec(map) ?? [];
        assert.ok(address, name);
        return Number.parseInt(address as string, 16);
      };
      // DTCM from its start: the handlers' stack, what the core has, at the end the boot record.
      assert.is(symbol("__core_start"), DTCM.start);
      assert.ok(symbol("__fault_stack_top") - DTCM.start >= 6144);
      assert.ok(symbol("__core_end") > symbol("__fault_stack_top"));
      assert.ok(symbol("__core_end") <= symbol("__boot_record"));
      assert.is(symbol("__boot_record"), DTCM.start + DTCM.size - 1024);
      // All variables of whoever has a secret, or tells the DMA where to read and write; and of them nothing elsewhere.
      const owners = [
        "root-of-trust",
        "attestation-module",
        "attestation-compiled",
        "entropy",
        "protection",
        "ethernet",
      ];
      const found = new Set<string>();
      for (const { name, size, object, output } of mapSections(map)) {
        const owner = owners.find((each) => object.endsWith(`/${each}.o`));
        if (owner === undefined || size === 0 || !/^(?:\.bss|\.data|COMMON)/.test(name)) continue;
        assert.is(output, name.startsWith(".bss.dma.") ? ".dma" : ".core", `${object} ${name}`);
        found.add(owner);
      }
      assert.equal([...found].sort(), [...owners].sort());
      // What the DMA uses is at the start of the memory that it reaches, apart from the thread's.
      assert.is(symbol("__dma_start"), AXI.start);
      assert.ok(symbol("__dma_end") <= symbol("__own_start"));
      assert.ok(symbol("__own_start") < symbol("__stack_top"));
      assert.is(symbol("__own_end"), AXI.start + AXI.size);
      // The image starts on the handlers' stack, sets up memory protection, and has a core that is asked by SVC.
      const vectors = readFileSync(main);
      assert.is(vectors.readUInt32LE(0), symbol("__fault_stack_top"));
      const functions = execFileSync("arm-none-eabi-nm", [elf], { encoding: "utf8" });
      for (const name of ["svc_handler", "protection_init", "core_start_thread", "core_answer"])
        assert.match(functions, new RegExp(`^[0-9a-f]{8} [tT] ${name}$`, "m"));
      const [, svc = ""] = /^([0-9a-f]{8}) T svc_handler$/m.exec(functions) ?? [];
      assert.is(vectors.readUInt32LE(4 * 11), Number.parseInt(svc, 16) | 1);
      // Network code calls the driver by way of the core.
      for (const name of ["receive_begin", "receive", "send_begin", "send", "send_end"])
        assert.match(functions, new RegExp(`^[0-9a-f]{8} T __wrap_ethernet_${name}$`, "m"));
    });
  }

  test(`${board}: the interpreted runtime, which does not fit, is refused by the build`, async () => {
    const error = await make({ BOARD: board, IMAGE: "isolate", HOST: "wasm3" }).then(
      () => "it was built",
      ({ message }: Error) => message,
    );
    assert.match(error, /nucleo-h753zi has no RAM for HOST=wasm3/);
  });
}
test.run();
