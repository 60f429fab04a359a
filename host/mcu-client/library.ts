/**
 * The MCU client's library as users get it: `mcu-client/library/` with the client's module compiled to C beside it, and
 * with what bare-metal firmware for the boards of this tree takes. It builds with CMake and a C compiler alone.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CliError } from "../common/cli.js";
import { projectRoot, wasmPath } from "../common/paths.js";
import { boardNames } from "../mcu/boards.js";
import { writeHomeInterface } from "../mcu/home-interface.js";
import { mcuBuildFolder, requireFolderForMake, runCommand } from "../mcu/toolchain.js";

const tree = join(projectRoot, "mcu-client");
/** The name of the folder in the archive, of which its own name is made. */
const LIBRARY_NAME = "veracruz-mcu-client";

/** The library's version: that of this project. */
export function libraryVersion(): string {
  const text = readFileSync(join(projectRoot, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Files of the firmware's tree that host the compiled module. */
const moduleFiles = [
  "module/module.c",
  "module/module.h",
  "module/compiled-module.c",
  "module/compiled-module.h",
  "wasm2c/wasm-rt.c",
  "wasm2c/wasm-rt.h",
  "wasm2c/prologue.h",
  "link/crc32.c",
  "link/crc32.h",
];

/** Those that host the interpreted one, for `VC_HOST=wasm3`. */
const interpreterFiles = [
  "module/interpreted-module.c",
  "module/interpreted-module.h",
  "module/interpreter.h",
  "module/embedded.S",
];

/** Names of the module's host that a program's own may not clash with. */
const hostNames = [
  "client_start",
  "client_memory",
  "module_call",
  "module_check",
  "module_entry",
  "module_fail",
  "module_failure",
  "compiled_memory",
  "platform_random",
  "platform_memoryLimit",
  "wasm_rt_trap",
  "wasm_rt_trap_name",
  "wasm_rt_register_func_type",
  "crc32",
  "interpreted_start",
  "interpreted_call",
  "interpreted_memory",
  "interpreter_environment",
  "interpreter_limit_native_stack",
];

/** Gives every global name of the library the prefix `vc_`. */
function namesHeader(clientHeader: string): string {
  const exported = [...clientHeader.matchAll(/^bool (client_\w+)\(/gm)].map(([, name]) => name);
  const names = [...new Set([...hostNames, ...exported])];
  return `// Made by host/mcu-client/library.ts: what the linker sees of the library begins with vc_.
${names.map((name) => `#define ${name} vc_${name}`).join("\n")}
`;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** The client's module as it is, and the interpreter that runs it: for `VC_HOST=wasm3`. */
async function copyInterpreter(folder: string, wasm: string): Promise<void> {
  const to = join(folder, "interpreter");
  for (const file of interpreterFiles) copy(join(tree, file), join(to, basename(file)));
  writeHomeInterface(wasm, "client", "wasm3", join(folder, "generated/interpreted"));
  copy(wasm, join(folder, "generated/interpreted/client.wasm"));
  const printed = await runCommand(process.execPath, [
    join(tree, "wasm3-sources.js"),
    ...["wasm3", join(to, "wasm3")],
  ]);
  rmSync(join(to, "wasm3/.stamp"));
  const value = (name: string) => new RegExp(`^${name} := (.*)$`, "m").exec(printed)?.[1] ?? "";
  copy(value("WASM3_LICENSE"), join(to, "wasm3/LICENSE"));
  writeFileSync(
    join(to, "wasm3.cmake"),
    `# Made by host/mcu-client/library.ts.
set(VC_WASM3_FILES ${value("WASM3_FILES")})
set(VC_WASM3_OPTIONS ${value("WASM3_OPTIONS")})
`,
  );
}

/** The variables that the Makefile prints for a board. */
async function boardFiles(board: string): Promise<Map<string, string[]>> {
  const printed = await runCommand("make", [
    // Projects of the archive are one image.
    ...["--silent", "-C", "mcu-client", `BOARD=${board}`, "HOST=c", "ONE_WORLD=1"],
    ...["IMAGE=samples/shamir-secret-sharing", "client-files"],
  ]);
  return new Map(
    [...printed.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = "", values = ""]) => [
      name,
      values.trim().split(/\s+/),
    ]),
  );
}

/** Headers and linker scripts of the firmware's tree; few, so that none can be forgotten. */
const headerFolders = ["arch", "hal", "core", "drivers", "common", "net", "client", "boards"];

/** What bare-metal firmware takes, for all boards. */
async function copyFirmware(folder: string): Promise<void> {
  const firmware = join(folder, "firmware");
  for (const from of headerFolders)
    for (const file of readdirSync(join(tree, from), { recursive: true, encoding: "utf8" }))
      if (/\.(?:h|ld|json)$/.test(file)) copy(join(tree, from, file), join(firmware, from, file));
  copy(join(tree, "link/connection.h"), join(firmware, "link/connection.h"));
  for (const file of ["lwip-transport.c", "lwip-transport.h"])
    copy(join(folder, "transports/lwip", file), join(firmware, "library/transports/lwip", file));
  const lwip = join(mcuBuildFolder, "lwip");
  const list = (values: readonly string[]) => values.join("\n  ");
  for (const board of boardNames()) {
    const found = await boardFiles(board);
    const values = (name: string) => found.get(name) ?? [];
    // What the library has itself stays out.
    const sources = values("sources").filter(
      (file) => !/^(?:library|link|module|wasm2c)\//.test(file),
    );
    for (const file of sources) copy(join(tree, file), join(firmware, file));
    for (const file of [...values("lwip"), ...values("dns"), ...values("ipv6")])
      copy(join(lwip, "src", file), join(firmware, "lwip/src", file));
    writeFileSync(
      join(firmware, `${board}.cmake`),
      `# Made by host/mcu-client/library.ts from mcu-client/Makefile.
set(VC_CPU "${values("cpu").join(" ")}")
set(VC_FLASH_PAGE ${values("page")[0]})
set(VC_STACK_BYTES ${values("stack")[0]})
set(VC_MEMORY_BYTES ${values("memory")[0]} CACHE STRING "Bytes of the memory of the client's module")
set(VC_SOURCES
  ${list(sources)})
set(VC_LWIP
  ${list(values("lwip"))})
set(VC_LWIP_DNS
  ${list(values("dns"))})
set(VC_LWIP_IPV6
  ${list(values("ipv6"))})
`,
    );
  }
  cpSync(join(lwip, "src/include"), join(firmware, "lwip/src/include"), { recursive: true });
  copy(join(lwip, "COPYING"), join(firmware, "lwip/COPYING"));
}

/**
 * Makes the library in a folder, anew.
 *
 * @param firmware whether to add what bare-metal firmware takes: needs make, the Arm compiler and lwIP's source
 * @throws CliError where make cannot work in the project's folder; Error when a tool is missing or fails
 */
export async function makeLibrary(folder: string, firmware: boolean): Promise<void> {
  requireFolderForMake();
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(tree, "library"), folder, { recursive: true });
  copy(join(projectRoot, "LICENSE"), join(folder, "LICENSE"));
  for (const file of moduleFiles)
    copy(join(tree, file), join(folder, "module", file.slice(file.lastIndexOf("/") + 1)));
  const generated = join(folder, "generated");
  const wasm = wasmPath("client");
  writeHomeInterface(wasm, "client", "c", generated);
  await runCommand(process.execPath, [
    join(tree, "wasm2c/translate.js"),
    ...[wasm, "client", join(generated, "client-compiled.c")],
  ]);
  const header = readFileSync(join(generated, "client.h"), "utf8");
  writeFileSync(join(generated, "names.h"), namesHeader(header));
  await copyInterpreter(folder, wasm);
  // What users include is with the library's own headers.
  copy(join(generated, "vc-codes.h"), join(folder, "include/veracruz/vc-codes.h"));
  if (firmware) await copyFirmware(folder);
}

/**
 * Packs the library, so that the same sources give the same bytes.
 *
 * @returns the archive's name, below `output`
 */
export async function makeArchive(output: string): Promise<string> {
  const name = `${LIBRARY_NAME}-${libraryVersion()}`;
  const work = join(mcuBuildFolder, `library-archive-${process.pid}`);
  mkdirSync(output, { recursive: true });
  try {
    await makeLibrary(join(work, name), true);
    await runCommand("tar", [
      ...["--create", "--gzip", "--file", join(output, `${name}.tar.gz`), "--directory", work],
      ...["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"],
      ...["--mode=u=rwX,go=rX", "--exclude=*.d", name],
    ]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return `${name}.tar.gz`;
}

/**
 * Makes a project of the user's own: the bare-metal example, with the library beside it.
 *
 * @param folder must not exist yet; its name becomes the project's
 * @throws CliError for a name that is none for CMake, or a folder that exists
 */
export async function makeProject(folder: string, board: string): Promise<void> {
  const name = basename(folder);
  if (!/^[A-Za-z][\w-]*$/.test(name))
    throw new CliError(`${name}: a project's name has letters, digits, _ and -, a letter first`);
  if (existsSync(folder)) throw new CliError(`${folder} is there already`);
  const example = join(tree, "library/examples/bare-metal");
  await makeLibrary(join(folder, LIBRARY_NAME), true);
  copy(join(example, "main.c"), join(folder, "main.c"));
  const text = readFileSync(join(example, "CMakeLists.txt"), "utf8")
    .replaceAll("(sample", `(${name}`)
    .replace("CMAKE_CURRENT_LIST_DIR}/../..", `CMAKE_CURRENT_LIST_DIR}/${LIBRARY_NAME}`)
    .replace("--toolchain CLIENT", `--toolchain ${LIBRARY_NAME}`)
    .replace(/#\n# CLIENT: .*\n/, "")
    .replace("VC_BOARD mps2-an385", `VC_BOARD ${board}`);
  writeFileSync(join(folder, "CMakeLists.txt"), text);
}

/** Makes one folder like another, and touches only files that differ, so that nothing is compiled in vain. */
function synchronise(from: string, to: string): void {
  const files = readdirSync(from, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1));
  for (const file of files) {
    const [source, target] = [join(from, file), join(to, file)];
    if (!existsSync(target) || !readFileSync(source).equals(readFileSync(target)))
      copy(source, target);
  }
}

/** The library in its place in `build/`, up to date, for programs on this computer. */
async function builtLibrary(): Promise<string> {
  // Of each process its own: tests run side by side.
  const fresh = join(mcuBuildFolder, `library-new-${process.pid}`);
  const folder = join(mcuBuildFolder, "library");
  try {
    await makeLibrary(fresh, false);
    synchronise(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** Why the client cannot be built for this computer, in one sentence; undefined where it can. */
export function missingPosixTools(): string | undefined {
  const missing = ["cmake", "cc", "make", "wasm2c"].filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0,
  );
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} missing; on Debian: apt-get install cmake build-essential wabt`;
}

/**
 * Builds CMake projects that use the library, with AddressSanitizer and UndefinedBehaviorSanitizer. All of them share
 * one build of it; two builds never run at once.
 *
 * @param name of the build's folder
 * @returns the folder in which each project has one of its own, by its name
 */
export async function buildSanitized(
  name: string,
  projects: readonly string[],
  settings: readonly string[],
): Promise<string> {
  mkdirSync(mcuBuildFolder, { recursive: true });
  const library = await builtLibrary();
  const root = join(mcuBuildFolder, "posix", name);
  const out = join(root, "build");
  mkdirSync(root, { recursive: true });
  writeIfChanged(
    join(root, "CMakeLists.txt"),
    `cmake_minimum_required(VERSION 3.20)
project(${name} C)
add_subdirectory("${library}" veracruz-mcu-client)
${projects.map((each) => `add_subdirectory("${each}" ${basename(each)})`).join("\n")}
`,
  );
  const locked = (...command: string[]) =>
    runCommand("flock", [join(mcuBuildFolder, "posix-lock"), ...command]);
  await locked("cmake", "-S", root, "-B", out, "-DVC_SANITIZE=ON", ...settings);
  await locked("cmake", "--build", out);
  return out;
}

function writeIfChanged(path: string, text: string): void {
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}

/** Programs that use the library, on this computer. */
export interface PosixPrograms {
  /** The client of `examples/posix/`. */
  client: string;
  /** The tests' program, which drives the library as applications may (`test/mcu-demo/harness/`). */
  harness: string;
}

/**
 * Builds the programs that use the library on this computer; the tests' own only where there are tests.
 *
 * @throws Error with the compiler's output
 */
export async function buildPosixPrograms(): Promise<PosixPrograms> {
  const library = join(mcuBuildFolder, "library");
  const harness = join(projectRoot, "test/mcu-demo/harness");
  const projects = [join(library, "examples/posix"), ...(existsSync(harness) ? [harness] : [])];
  const out = await buildSanitized("programs", projects, []);
  return { client: join(out, "posix/posix-client"), harness: join(out, "harness/harness") };
}
