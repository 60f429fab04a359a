// The library where other systems than this repository's have it: as a module of Zephyr, in FreeRTOS, beside PSA Crypto,
// interpreted; fetched by CMake. What cannot be had here (Zephyr, FreeRTOS) is stood in for by what it documents.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash, createPrivateKey } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { makeArchive, missingPosixTools } from "../../host/mcu-client/library.js";
import { makePage, type PageContent, pageHeader } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { skip } from "../support/shared.js";
import { principal, System } from "../support/system.js";
import { filesOf, runToEnd, sanitizers, writePage } from "./posix-process.js";
import { threeDevices } from "./scenario.js";
import { CallGraph, libraryGraph, stackOfHeader } from "./stack.js";

const TESTS = 8;
const here = join(projectRoot, "test/mcu-demo");
/** Longest transport that a port may need, in lines that are neither blank nor comments alone. */
const PORT_LINES = 150;
/** What a header may state beyond the stack that a function takes, in bytes. */
const STACK_SLACK = 300;

const python = ["/usr/bin/python3", "python3"].find(
  (each) => spawnSync(each, ["-c", "import kconfiglib"]).status === 0,
);
const hasPsa = existsSync("/usr/include/psa/crypto.h");
const missing = missingPosixTools() ?? missingTools();
if (missing) skip(TESTS, missing);
else {
  let folder: string;
  let library: string;
  let archive: string;
  let system!: System;
  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vc-ports-"));
    archive = join(folder, await makeArchive(folder));
    execFileSync("tar", ["-xzf", archive], { cwd: folder });
    library = archive.replace(/\.tar\.gz$/, "");
    system = await System.start(threeDevices("shamir-secret-sharing"));
  });
  test.after(async () => {
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const share = Uint8Array.from({ length: 1500 }, (_, index) => index & 0xff);
  const run = (cwd: string, ...command: [string, ...string[]]) => {
    const done = spawnSync(command[0], command.slice(1), {
      cwd,
      encoding: "utf8",
      timeout: 900_000,
    });
    assert.is(done.status, 0, `${command.join(" ")}\n${done.stdout}\n${done.stderr}`);
    return done.stdout;
  };
  const pageOf = (name: string, content: Partial<PageContent>) => {
    const { pem, keyPem } = principal(name);
    return makePage({
      policy: system.policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: system.address,
      ...content,
    });
  };

  test("a port to another network is short: lines of the POSIX transport", () => {
    const text = readFileSync(join(library, "transports/posix/posix-transport.c"), "utf8");
    const lines = text.split("\n").filter((line) => line.replace(/\/\/.*$/, "").trim() !== "");
    console.log(`  ${lines.length} lines`);
    assert.ok(lines.length > 50 && lines.length <= PORT_LINES, `${lines.length} lines`);
  });

  test("the library's own sources are strict C11", () => {
    for (const compiler of ["gcc", "arm-none-eabi-gcc"])
      for (const file of [
        ...["client", "configure", "report", "blocking", "page", "module-home"].map(
          (name) => `source/${name}.c`,
        ),
        ...["stores/flash/flash-store.c", "module/crc32.c", "module/module.c"],
        ...["module/compiled-module.c", "generated/client-module.c"],
        ...(compiler === "gcc"
          ? ["transports/posix/posix-transport.c", "transports/posix/posix-seams.c"]
          : []),
      ])
        run(
          library,
          ...[compiler, "-std=c11", "-pedantic-errors", "-Wall", "-Wextra", "-Wconversion"],
          ...["-Werror", "-fsyntax-only", "-include", "generated/names.h", "-Iinclude", "-Imodule"],
          ...["-Igenerated", "-Istores/flash", "-DCLIENT_MEMORY_BYTES=44032"],
          ...["-DMEMORY_BYTES=44032", file],
        );
  });

  test("no function takes more stack than the headers and the README say, and they say hardly more than is taken", () => {
    const names = ["client", "configure", "report", "blocking", "page", "module-home"];
    const own = [...names.map((name) => `source/${name}.c`), "stores/flash/flash-store.c"];
    const hosts = ["module/module.c", "module/crc32.c", "module/compiled-module.c"];
    const compiled = "generated/client-compiled.c";
    const graphOf = (file: string) => {
      const object = join(folder, `${file.replaceAll("/", "-")}.o`);
      run(
        library,
        ...["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-fcallgraph-info=su", "-c"],
        ...["-o", object, "-include", "generated/names.h", "-Iinclude", "-Imodule", "-Igenerated"],
        ...["-Istores/flash", "-DCLIENT_MEMORY_BYTES=44032", "-DMEMORY_BYTES=44032"],
        ...(file === compiled
          ? ["-std=gnu11", "-w", "-ffp-contract=off", "-fno-schedule-insns", "-fno-tree-reassoc"]
          : ["-std=c11"]),
        ...(file === compiled ? ["-fno-partial-inlining"] : []),
        file,
      );
      return object.replace(/o$/, "ci");
    };
    const text = (file: string) => readFileSync(join(library, file), "utf8");
    const graphs = new Map(
      [...own, ...hosts, "generated/client-module.c", compiled].map((file) => [
        file,
        graphOf(file),
      ]),
    );
    const graph = libraryGraph([...graphs.values()], text("generated/client-module.c"));
    const headers = ["client", "page"].map((name) => `include/veracruz/${name}.h`);
    let functions = 0;
    const wrong: string[] = [];
    for (const header of [...headers, "stores/flash/flash-store.h"])
      for (const { names: together, bytes = 0 } of stackOfHeader(text(header))) {
        const most = Math.max(...together.map((name) => graph.most(graph.nameOf(name))));
        functions += together.length;
        if (most > bytes || bytes - most > STACK_SLACK)
          wrong.push(`${header}, ${together.join(", ")}: ${most} bytes, stated ${bytes}`);
      }
    console.log(`  ${functions} functions; vc_step takes ${graph.most("vc_step")} bytes`);
    assert.equal(wrong, []);
    assert.ok(functions >= 35, `${functions} functions`);

    const [, ownMost, moduleMost] =
      /library's own takes more than (\d+) bytes .* none of the compiled module more than (\d+) /.exec(
        text("README.md"),
      ) ?? [];
    const mostOf = (files: readonly string[]) =>
      Math.max(...new CallGraph(files.map((file) => graphs.get(file) ?? file)).frames.values());
    assert.is(mostOf(own), Number(ownMost));
    assert.is(mostOf([compiled]), Number(moduleMost));
  });

  const zephyr = python
    ? undefined
    : "kconfiglib is missing; on Debian: apt-get install python3-kconfiglib";
  if (zephyr) skip(1, zephyr);
  else
    test("a module of Zephyr: Kconfig, module.yml and sample build; its sockets reach a real server, by address and name", async () => {
      const build = async (name: string, server: { host: string; port: number }) => {
        const out = join(folder, "zephyr");
        mkdirSync(out, { recursive: true });
        const page = pageOf(name, {
          server,
          data: filesOf({ [`input-${name.slice(-1)}`]: share }),
        });
        writeFileSync(join(out, "client-page.h"), pageHeader(page), { mode: 0o600 });
        run(
          library,
          ...["cmake", "-S", "examples/zephyr", "-B", out, `-DVC_PAGE_FOLDER=${out}`],
          ...[`-DZephyr_DIR=${here}/zephyr/cmake`, `-DZEPHYR_EXTRA_MODULES=${library}`],
          `-DPython3_EXECUTABLE=${python}`,
        );
        run(library, "cmake", "--build", out);
        return async () => {
          const { output } = await runToEnd(join(out, "app"), []);
          assert.not.match(output, sanitizers);
          return output;
        };
      };
      const attested = (output: string) => {
        assert.match(output, /no clock: dates are not checked/, output);
        assert.match(output, /^vc: isolate attested/m, output);
      };
      const done = (output: string) => {
        attested(output);
        assert.match(output, /^provider: done$/m, output);
      };
      // The record is in Zephyr's settings, and outlives the process.
      const settings = join(folder, "zephyr-settings");
      process.env.SETTINGS_FILE = settings;
      const app = await build("device-0", system.address);
      done(await app());
      const kept = readFileSync(settings, "utf8");
      const [, name = "", hash = "", key = "", number = ""] =
        /^(\S+) (\w{64})(\w{64})(\w{8})\n$/.exec(kept) ?? [];
      assert.is(name, `veracruz/${hash.slice(0, 32)}`, kept);
      assert.is(number, "01000000");
      attested(await app()); // it has the file already
      assert.is(readFileSync(settings, "utf8"), kept, "the same isolate is not saved again");
      for (const [value, code] of [
        [`${hash}${key}`, "STORE"], // too short
        [`${hash.replace(/^../, "")}00${key}${number}`, "STORE"], // another policy's
        [`${hash}${"5a".repeat(32)}${number}`, "RESTART"], // another isolate was seen
      ]) {
        writeFileSync(settings, `${kept}${name} ${value}\n`);
        const output = await app();
        assert.match(output, new RegExp(`^provider: ${code}$`, "m"), output);
        assert.not.match(output, /^vc: isolate attested/m);
      }
      const deleted = `${kept}${name} -\n${name}/other 00\n`; // and another's setting
      writeFileSync(settings, deleted);
      attested(await app());
      assert.is(readFileSync(settings, "utf8"), `${deleted}${kept}`);
      process.env.SETTINGS_FILE = join(folder, "none/settings");
      assert.match(await app(), /^provider: STORE$/m);
      process.env.SETTINGS_FILE = settings;
      const forwarder = await forward("localhost", system.address);
      try {
        done(await (await build("device-1", { host: "localhost", port: forwarder.port }))());
      } finally {
        forwarder.server.close();
      }
    });

  test("the example for FreeRTOS and the transport over lwIP with a thread compile for a Cortex-M", () => {
    for (const file of [
      "examples/freertos/provider-task.c",
      "transports/lwip/lwip-os-transport.c",
      "transports/lwip/lwip-transport.c",
    ])
      run(
        library,
        ...["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-std=c11", "-Wall", "-Wextra"],
        ...[
          "-Werror",
          "-c",
          "-o",
          join(folder, "object.o"),
          file,
          "-Iinclude",
          `-I${here}/freertos`,
        ],
        ...["-Itransports/lwip", "-isystem", "firmware/lwip/src/include", "-Ifirmware/net"],
      );
  });

  const psa = hasPsa
    ? undefined
    : "PSA Crypto is missing; on Debian: apt-get install libmbedtls-dev";
  if (psa) skip(1, psa);
  else
    test("a key that PSA Crypto owns signs: Mbed TLS, against a real server", async () => {
      const build = join(folder, "psa");
      run(
        library,
        ...["cmake", "-S", join(here, "psa"), "-B", build, `-DVC_CLIENT=${library}`],
        "-DVC_SANITIZE=ON",
      );
      run(library, "cmake", "--build", build);
      const page = writePage(folder, system, "device-2", { data: filesOf({ "input-2": share }) });
      const jwk = createPrivateKey(principal("device-2").keyPem).export({ format: "jwk" });
      const key = Buffer.from(jwk.d ?? "", "base64url").toString("hex");
      const wrong = await runToEnd(join(build, "psa-client"), [page], (line) =>
        line === "key?" ? createHash("sha256").update("another").digest("hex") : undefined,
      );
      assert.match(wrong.output, /^psa: end -(?:5|6|12)$/m, wrong.output);
      const none = await runToEnd(join(build, "psa-client"), [page], (line) =>
        line === "key?" ? "none" : undefined,
      );
      assert.match(none.output, /^psa: end -34$/m, none.output);
      const { output } = await runToEnd(join(build, "psa-client"), [page], (line) =>
        line === "key?" ? key : undefined,
      );
      for (const each of [wrong.output, none.output, output]) assert.not.match(each, sanitizers);
      assert.match(output, /^vc: isolate attested/m, output);
      assert.match(output, /^psa: end 0$/m, output);
    });

  test("the module may be interpreted: VC_HOST=wasm3", async () => {
    const build = join(folder, "interpreted");
    run(
      library,
      "cmake",
      "-S",
      "examples/posix",
      "-B",
      build,
      "-DVC_HOST=wasm3",
      "-DVC_SANITIZE=ON",
    );
    run(library, "cmake", "--build", build);
    const other = await System.start(threeDevices("shamir-secret-sharing"));
    try {
      const page = writePage(folder, other, "device-0", { data: filesOf({ "input-0": share }) });
      const { code, output } = await runToEnd(join(build, "posix-client"), [page]);
      assert.not.match(output, sanitizers);
      assert.is(code, 0, output);
      assert.match(output, /^device: sent input-0, 1500 bytes$/m);
    } finally {
      await other.stop();
    }
    const refused = spawnSync(
      "cmake",
      ["-S", library, "-B", join(folder, "refused"), "-DVC_HOST=v8"],
      {
        encoding: "utf8",
      },
    );
    assert.match(refused.stderr, /VC_HOST is c or wasm3, not "v8"/);
  });

  test("CMake fetches the archive by its address and hash", () => {
    const user = join(folder, "fetching");
    mkdirSync(user);
    const hash = createHash("sha256").update(readFileSync(archive)).digest("hex");
    const guide = readFileSync(join(projectRoot, "docs/mcu-client-library.md"), "utf8");
    const [, printed = ""] = /```cmake\n(include\(FetchContent\)\n.*?)```/s.exec(guide) ?? [];
    const fetching = printed
      .replace(/URL https:\S+/, `URL file://${archive}`)
      .replace(/SHA256=\S+\)/, `SHA256=${hash})`);
    assert.match(fetching, /URL file:.*SHA256=[0-9a-f]{64}\)/);
    writeFileSync(
      join(user, "CMakeLists.txt"),
      `cmake_minimum_required(VERSION 3.20)
project(user C)
${fetching}
add_executable(user main.c)
target_link_libraries(user PRIVATE Veracruz::client)
`,
    );
    writeFileSync(
      join(user, "main.c"),
      `#include <veracruz/client.h>
int main(void) { return -vc_begin_connect(NULL); }
`,
    );
    run(user, "cmake", "-B", "build");
    run(user, "cmake", "--build", "build");
    assert.is(spawnSync(join(user, "build/user")).status, 24);
    const damaged = fetching.replace(
      /SHA256=../,
      hash.startsWith("00") ? "SHA256=11" : "SHA256=00",
    );
    const text = readFileSync(join(user, "CMakeLists.txt"), "utf8").replace(fetching, damaged);
    writeFileSync(join(user, "CMakeLists.txt"), text);
    assert.not.ok(spawnSync("cmake", ["-B", "other"], { cwd: user }).status === 0);
  });
}

/** Forwards connections to an address of one family to another address. */
async function forward(
  host: string,
  to: { host: string; port: number },
): Promise<{ server: Server; port: number }> {
  const server = createServer((socket: Socket) => {
    const upstream = connect(to);
    socket.pipe(upstream).pipe(socket);
    for (const each of [socket, upstream]) each.on("error", () => each.destroy());
  });
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(0, host, resolve),
  );
  return { server, port: (server.address() as AddressInfo).port };
}

test.run();
