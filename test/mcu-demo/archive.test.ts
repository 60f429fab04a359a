// The release's archive of the client's library, outside of this repository, with nothing but CMake and a compiler: the
// bare-metal sample builds, takes part in a computation, and keeps its names to itself; a project finds the package.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { libraryVersion, missingPosixTools } from "../../host/mcu-client/library.js";
import { runScript } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const missing = missingPosixTools() ?? missingTools();
if (missing) skip(4, missing);
else {
  let folder: string;
  let library: string;
  let path: string;
  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vc-archive-"));
    const { code, stdout, stderr } = await runScript("build/js/host/mcu-client/cli.js", [
      ...["library", "--output", folder],
    ]);
    assert.is(code, 0, stderr);
    const name = `veracruz-mcu-client-${libraryVersion()}`;
    assert.is(stdout.trim(), join(folder, `${name}.tar.gz`));
    execFileSync("tar", ["-xzf", `${name}.tar.gz`], { cwd: folder });
    library = join(folder, name);
    // All programs of this computer but Node.js and WABT.
    path = join(folder, "bin");
    mkdirSync(path);
    for (const from of ["/usr/bin", "/bin"])
      for (const tool of existsSync(from) ? readdirSync(from) : [])
        if (!/^(?:node|nodejs|npm|npx|wasm.*|wat.*)$/.test(tool) && !existsSync(join(path, tool)))
          symlinkSync(join(from, tool), join(path, tool));
  });
  test.after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (cwd: string, ...command: [string, ...string[]]) =>
    execFileSync(command[0], command.slice(1), {
      cwd,
      encoding: "utf8",
      env: { PATH: path, HOME: folder },
      timeout: 600_000,
      stdio: ["ignore", "pipe", "pipe"],
    });

  test("without Node.js, CMake and the Arm compiler build library and sample, which takes part in a computation", async () => {
    const project = join(folder, "outside");
    execFileSync("cp", ["-r", join(library, "examples/bare-metal"), project]);
    run(
      project,
      ...["cmake", "--toolchain", join(library, "cmake/arm-none-eabi.cmake"), "-B", "build"],
      ...[`-DVC_CLIENT=${library}`, "-DVC_BOARD=mps2-an385"],
    );
    const said = run(project, "cmake", "--build", "build");
    assert.match(said, /text\s+data\s+bss/);
    const system = await System.start(threeDevices("shamir-secret-sharing"));
    const device = startDevice(system, {
      board: "mps2-an385",
      image: join(project, "build/sample.elf"),
      data: { "input-0": Uint8Array.of(1, 2, 3) },
    });
    try {
      assert.is(await device.ended, 0, device.lines.join("\n"));
      await device.line(/^vc: isolate attested/);
      await device.line(/^sample: sent 1 files$/);
    } finally {
      await device.close();
      await system.stop();
    }
  });

  test("what the linker sees of the library begins with vc_", () => {
    const archive = join(folder, "outside/build/veracruz-mcu-client/libveracruz-client.a");
    const names = execFileSync("arm-none-eabi-nm", ["--extern-only", "--defined-only", archive], {
      encoding: "utf8",
    });
    const seen = [...names.matchAll(/^[0-9a-f]+ [A-Z] (\S+)$/gm)].map(([, name = ""]) => name);
    assert.ok(seen.includes("vc_step"));
    assert.equal(
      seen.filter((name) => !/^(?:vc_|Z_client|Z_platform)/.test(name)),
      [],
    );
    // And it calls nothing but functions of the C library that need no operating system, and its own.
    const wanted = execFileSync("arm-none-eabi-nm", ["--undefined-only", archive], {
      encoding: "utf8",
    });
    const others = [...wanted.matchAll(/^ +U (\S+)$/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => !/^(?:vc_|Z_|__aeabi_|__clz|__ctz|__popcount)/.test(name));
    assert.equal([...new Set(others)].sort(), [
      "longjmp",
      "memchr",
      "memcmp",
      "memcpy",
      "memmove",
      "memset",
      "setjmp",
      "strlen",
    ]);
  });

  test("installed, the package is found by its name and version, from C and C++", () => {
    // As the page for embedded projects says it, word for word; only the place is another one.
    const page = readFileSync(join(projectRoot, "docs/mcu-client-library.md"), "utf8");
    const [, words = ""] = /`(cmake -S veracruz-mcu-client [^`]+)` installs it/.exec(page) ?? [];
    assert.ok(words.length > 0, "the page has no command that installs");
    const project = join(folder, "installing");
    mkdirSync(project);
    symlinkSync(library, join(project, "veracruz-mcu-client"));
    run(project, "sh", "-c", `export DESTDIR=${join(folder, "root")}; ${words}`);
    const user = join(folder, "user");
    mkdirSync(user);
    writeFileSync(
      join(user, "CMakeLists.txt"),
      `cmake_minimum_required(VERSION 3.20)
project(user C CXX)
find_package(VeracruzClient ${libraryVersion()} REQUIRED)
add_executable(user main.c)
add_executable(user-cxx main.cc)
target_compile_options(user-cxx PRIVATE -std=c++11 -Wall -Wextra -Wpedantic -Werror)
foreach(one user user-cxx)
  target_link_libraries(\${one} PRIVATE Veracruz::client-posix)
endforeach()
`,
    );
    writeFileSync(
      join(user, "main.cc"),
      `#include <posix-transport.h>
#include <cstdio>
#include <veracruz/page.h>
int main() {
  vc_config config{};
  config.transport = &vc_posix_transport;
  vc_page page{};
  const uint8_t none[8] = {};
  std::printf("%d %s\\n", vc_connect(&config), vc_page_read(none, &page) ? "no page" : "page");
}
`,
    );
    writeFileSync(
      join(user, "main.c"),
      `#include <posix-transport.h>
#include <stdio.h>
#include <veracruz/page.h>
int main(void) {
  struct vc_config config = {.transport = &vc_posix_transport};
  int code = vc_connect(&config);
  printf("%s %d %s\\n", VC_VERSION, code, vc_code_name(vc_outcome()));
}
`,
    );
    run(user, "cmake", "-B", "build", `-DCMAKE_PREFIX_PATH=${join(folder, "root/usr/local")}`);
    run(user, "cmake", "--build", "build");
    assert.is(run(user, join(user, "build/user")), `${libraryVersion()} -1 CONFIGURATION\n`);
    assert.is(run(user, join(user, "build/user-cxx")), "-1 no page\n");
  });

  test("a project made by vc-mcu-client new builds for a real board, with names and IPv6, and is flashed; a second one of the same name is refused", async () => {
    const project = join(folder, "my-sample");
    const command = ["new", project, "--board", "nucleo-h753zi"];
    const made = await runScript("build/js/host/mcu-client/cli.js", command);
    assert.is(made.code, 0, made.stderr);
    const toolchain = "veracruz-mcu-client/cmake/arm-none-eabi.cmake";
    const names = ["-DVC_DNS=ON", "-DVC_IPV6=ON"]; // lwIP without them is in the sample above
    run(project, "cmake", "--toolchain", toolchain, "-B", "build", ...names);
    run(project, "cmake", "--build", "build");
    assert.ok(existsSync(join(project, "build/my-sample.bin")));
    const symbols = run(project, "arm-none-eabi-nm", "build/my-sample.elf");
    for (const part of ["dns_gethostbyname", "nd6_input"])
      assert.match(symbols, new RegExp(` T ${part}`));
    const page = join(folder, "page.bin");
    writeFileSync(page, "VCPAGE01");
    const flashed = await runScript("build/js/host/mcu-client/cli.js", [
      ...["flash", "--board", "nucleo-h753zi", "--page", page, "--dry-run"],
      ...["--image", join(project, "build/my-sample.bin")],
    ]);
    assert.is(flashed.code, 0, flashed.stderr);
    assert.match(
      flashed.stdout,
      /^openocd .*program \{\S+\/build\/my-sample\.bin\} 0x08000000 verify.*page\.bin\} 0x081C0000/m,
    );
    const again = await runScript("build/js/host/mcu-client/cli.js", command);
    assert.is(again.code, 2);
    assert.match(again.stderr, /is there already/);
  });
}

test.run();
