#!/usr/bin/env node
// vc-mcu: builds, runs, provisions, flashes and measures the firmware for microcontrollers.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { Command, Option } from "commander";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, runCommand, writeUserFile } from "../common/cli.js";
import { projectRoot } from "../common/paths.js";
import { proveControlKey, readControlKeyFile } from "../isolate/control-key.js";
import {
  describeLifecycle,
  gradeOf,
  LIFECYCLE_SECURED_EMULATED,
} from "../psa-attestation/lifecycle.js";
import { BoardLink } from "../update/link.js";
import { provisionBoard } from "./board-state.js";
import { boardNames, checkBoard, checkEmulatedBoard, isEmulated } from "./boards.js";
import { type ControlChoice, controlPage } from "./control-page.js";
import { type DebugProbe, debugProbe } from "./debug-probe.js";
import {
  type BoardIdentity,
  buildIsolate,
  EmulatedIsolate,
  enrolmentOf,
  isolateImages,
  isolateMeasurement,
  readIdentity,
} from "./emulated-isolate.js";
import { emulatedIsolate, serialIsolate } from "./isolate-launchers.js";
import { measureLink } from "./link-bench.js";
import { describeProtections, isHidden, type Protections, readProtections } from "./protections.js";
import { formatSizes, imageSizes, type Sizes, total, trustedWithKey } from "./size-report.js";
import {
  defaultRuntimeHost,
  type Host,
  mcuBuildFolder,
  missingTools,
  runtimeHosts,
} from "./toolchain.js";
import { addUpdateCommands } from "./update-commands.js";

const EXIT_FAILED = 1;

const boardOption = () =>
  new Option("--board <name>", `one of ${boardNames().join(", ")}`).default("mps2-an505");
const hostOption = () =>
  new Option(
    "--host <kind>",
    "how the trusted runtime is hosted: compiled by the Thumb-2 compiler, through C, or interpreted",
  )
    .choices(runtimeHosts)
    .default(defaultRuntimeHost);
const stateOption = () =>
  new Option(
    "--state <file>",
    "file that stands for an emulated board's secret storage; made where there is none (default: build/mcu/state/BOARD)",
  );

interface Target {
  board: string;
  host: Host;
}

function requireTools(): void {
  const missing = missingTools();
  if (missing) throw new CliError(missing, EXIT_FAILED);
}

async function build({ board, host }: Target): Promise<void> {
  requireTools();
  try {
    await buildIsolate(checkBoard(board), host);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`the firmware does not build:\n${(error as Error).message}`, EXIT_FAILED);
  }
}

/** Where the measurement is written for `vc-pgen --runtime-hash-file mcu=FILE`. */
function hashFile({ board, host }: Target): string {
  return `${isolateImages(board, host).main.replace(/\.bin$/, "")}.sha256`;
}

const here = (path: string) => relative(process.cwd(), path) || ".";

async function buildAction(target: Target): Promise<void> {
  await build(target);
  const { boot, main, outside } = isolateImages(target.board, target.host);
  const measurement = isolateMeasurement(target.board, target.host);
  writeFileSync(hashFile(target), `${measurement}\n`);
  console.log(`first stage  ${here(boot.replace(/\.elf$/, ".bin"))}
isolate      ${here(main)}, ${statSync(main).size} bytes${outside ? `\noutside      ${here(outside)}, ${statSync(outside).size} bytes: the non-secure image` : ""}
measurement  ${measurement}
             in ${here(hashFile(target))}, for vc-pgen --runtime-hash-file mcu=FILE`);
}

interface RunOptions extends Target {
  listen: { host: string; port: number };
  state?: string;
  controlKey?: string;
}

interface ControlOptions {
  controlKey?: string;
  trustNetwork?: boolean;
}

const controlKeyOption = (what: string) =>
  new Option(
    "--control-key <file>",
    `${what}: 64 hexadecimal digits, in a file of mode 600`,
  ).conflicts("trustNetwork");
const trustNetworkOption = () =>
  new Option(
    "--trust-network",
    "take any server that reaches the board's links: keep them on a network of their own",
  );

/** What the operator says of the board's server; undefined: nothing. */
function controlChoice({ controlKey, trustNetwork }: ControlOptions): ControlChoice | undefined {
  if (controlKey !== undefined) return { key: readControlKeyFile(controlKey) };
  return trustNetwork ? "trust-network" : undefined;
}

function statePath(board: string, given: string | undefined): string {
  return resolve(given ?? join(mcuBuildFolder, "state", board));
}

async function startEmulated(options: RunOptions): Promise<EmulatedIsolate> {
  const board = checkEmulatedBoard(options.board);
  await build(options);
  try {
    return await EmulatedIsolate.start({
      board,
      runtimeHost: options.host,
      state: statePath(board, options.state),
      host: options.listen.host,
      ...(options.listen.port === 0 ? {} : { port: options.listen.port }),
      console: (line) => console.log(line),
      build: false,
      ...(options.controlKey !== undefined && { controlKeyFile: resolve(options.controlKey) }),
    });
  } catch (error) {
    throw new CliError((error as Error).message, EXIT_FAILED);
  }
}

async function runAction(options: RunOptions & ControlOptions): Promise<void> {
  if (controlChoice(options) === undefined)
    throw new CliError("give --control-key, which the server must have, or --trust-network");
  const isolate = await startEmulated(options);
  console.log(`listening on ${formatAddress(isolate.address)}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void isolate.close());
  }
  const code = await isolate.board.ended;
  process.exitCode = code > 0 ? EXIT_FAILED : 0;
}

interface ProvisionOptions extends Target {
  state?: string;
  console?: string;
  output: string;
  label?: string;
  lock?: boolean;
  secured?: boolean;
}

/** The identity that a real board prints when it starts, read from its console. */
function identityFromConsole(device: string): BoardIdentity {
  const configured = spawnSync("stty", ["-F", device, "115200", "raw", "-echo"]);
  if (configured.status !== 0)
    throw new CliError(`cannot open the console ${device}: is the board connected?`, EXIT_FAILED);
  console.error("press the board's reset button now");
  const { stdout } = spawnSync("timeout", ["60", "grep", "-m1", "^identity ", device], {
    encoding: "utf8",
  });
  const identity = readIdentity(stdout.trim());
  if (!identity)
    throw new CliError(
      `the board on ${device} did not print its identity within a minute`,
      EXIT_FAILED,
    );
  return identity;
}

/** What a board prints at its start: a real one on its console, an emulated one when it is started for that. */
async function identityOf(
  options: Target & { state?: string; console?: string },
): Promise<BoardIdentity> {
  if (options.console !== undefined) {
    checkBoard(options.board);
    return identityFromConsole(options.console);
  }
  const isolate = await startEmulated({ ...options, listen: { host: "127.0.0.1", port: 0 } });
  await isolate.close();
  return isolate.identity;
}

async function provisionAction(options: ProvisionOptions): Promise<void> {
  if (options.lock) {
    if (options.console === undefined)
      throw new CliError("--lock is for a real board: its identity is read by --console");
    await lock(checkBoard(options.board));
  }
  if (options.secured) {
    checkEmulatedBoard(options.board);
    provisionBoard(statePath(options.board, options.state), LIFECYCLE_SECURED_EMULATED);
  }
  const identity = await identityOf(options);
  const label = options.label ?? `${identity.board} ${identity.instanceId.slice(2, 10)}`;
  const enrolment = enrolmentOf(identity, label);
  writeUserFile(options.output, "enrolment file", `${JSON.stringify(enrolment, null, 2)}\n`);
  // The attestation server takes a manufacturer's word for it, not the file's.
  const secured =
    gradeOf(enrolment.lifecycle) === "production"
      ? " --endorsement FILE --token FILE --challenge HEX (vc-mcu prove)"
      : "";
  console.log(`wrote ${options.output}; enrol the board with: vc-pas enroll --from ${options.output}${secured}
its image must be allowed there, too: measurement ${identity.measurement}`);
}

interface ProveOptions extends Target {
  state?: string;
  isolate?: { host: string; port: number };
  serial?: string;
  controlKey?: string;
  challenge: string;
  output: string;
}

/** The board's link, and how to end what was started for it. */
async function linkOf(
  options: ProveOptions,
): Promise<{ stream: Duplex; stop(): Promise<void> | void }> {
  const { isolate, serial, controlKey, state } = options;
  const key = controlKey === undefined ? undefined : readControlKeyFile(controlKey);
  if (serial !== undefined) return serialIsolate(serial, key).start(() => undefined);
  if (isolate === undefined) {
    const board = checkEmulatedBoard(options.board);
    await build(options);
    const emulated = { board, runtimeHost: options.host, state: statePath(board, state) };
    return emulatedIsolate(emulated).start(() => undefined);
  }
  const stream = connect({ ...isolate, noDelay: true });
  if (key !== undefined) await proveControlKey(stream, key);
  return { stream, stop: () => undefined };
}

async function proveAction(options: ProveOptions): Promise<void> {
  const { challenge, output } = options;
  if (!/^[0-9a-f]{64}$/i.test(challenge))
    throw new CliError("the challenge is not 32 bytes in hexadecimal");
  const { stream, stop } = await linkOf(options).catch((error: Error) => {
    throw error instanceof CliError ? error : new CliError(error.message, EXIT_FAILED);
  });
  const link = new BoardLink(stream);
  try {
    writeUserFile(output, "token", await link.prove(Buffer.from(challenge, "hex")));
  } finally {
    link.close();
    await stop();
  }
  console.log(`wrote ${output}, for vc-pas enroll --token ${output} --challenge ${challenge}`);
}

async function flashAction(target: Target & ControlOptions): Promise<void> {
  const probe = debugProbe(target.board);
  await build(target);
  const { boot, main } = isolateImages(target.board, target.host);
  const paths: Record<string, string> = { boot: boot.replace(/\.elf$/, ".bin"), main };
  const choice = controlChoice(target);
  const folder = mkdtempSync(join(tmpdir(), "vc-mcu-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  if (choice !== undefined) {
    paths.control = join(folder, "control.bin");
    writeFileSync(paths.control, controlPage(choice), { mode: 0o600 });
  }
  probe.run(choice ? ["control", "flash"] : ["flash"], paths);
}

function showProtections(probe: DebugProbe): Protections {
  const protections = readProtections(probe.run(["inspect"]));
  console.log(describeProtections(protections));
  return protections;
}

interface InspectOptions extends Target {
  state?: string;
  console?: string;
}

async function inspectAction(options: InspectOptions): Promise<void> {
  if (options.console === undefined && !isEmulated(options.board)) {
    showProtections(debugProbe(options.board));
    return;
  }
  const identity = await identityOf(options);
  console.log(`board        ${identity.board}
lifecycle    ${describeLifecycle(identity.lifecycle)}
measurement  ${identity.measurement}`);
}

/** What the person has to type, word for word. */
const spoken = (board: string) => `lock ${board} for ever`;

/** Milliseconds that a board has to set up its secure areas, of which it asks the probe again and again. */
const HIDING_MS = 10_000;

/** Hides first stage and secret, and shuts debuggers out. Nothing of it happens unless somebody types the phrase. */
async function lock(board: string): Promise<void> {
  const probe = debugProbe(board);
  let protections = showProtections(probe);
  console.log(`
This hides the first stage and the device secret, write-protects the first stage, and then shuts debuggers out.
THE LAST CANNOT BE UNDONE: no firmware can be written to the first stage's sector, nothing debugged, ever again.
To go on, type: ${spoken(board)}`);
  const questions = createInterface({ input: process.stdin });
  const { value: answer } = await questions[Symbol.asyncIterator]().next();
  questions.close();
  if (answer !== spoken(board)) throw new CliError("nothing was changed", EXIT_FAILED);
  if (!isHidden(protections)) {
    probe.run(["hide"]);
    for (const end = Date.now() + HIDING_MS; !isHidden(protections) && Date.now() < end; ) {
      await setTimeout(500);
      protections = readProtections(probe.run(["inspect"]));
    }
  }
  if (!isHidden(protections))
    throw new CliError(
      "the first stage has not set up its secure areas: debuggers are not shut out; is it flashed? See vc-mcu inspect",
      EXIT_FAILED,
    );
  probe.run(["lockDebug"]);
  console.log(
    "locked; the board's console says its lifecycle at each reset (vc-mcu inspect --console DEVICE)",
  );
}

const baselinePath = join(projectRoot, "mcu-client", "size-baseline.json");

async function sizeAction(options: Target & { update?: boolean }): Promise<void> {
  await build(options);
  const images = isolateImages(options.board, options.host);
  const baselines: Record<string, Sizes> = existsSync(baselinePath)
    ? JSON.parse(readFileSync(baselinePath, "utf8"))
    : {};
  const key = `${options.board} ${options.host}`;
  console.log(`${key}; RAM is what is reserved, without the heap that programs take`);
  const boot = statSync(images.boot.replace(/\.elf$/, ".bin")).size;
  let flash = boot;
  for (const { title, image } of worldsOf(images)) {
    const name = title === "" ? key : `${key}, ${title}`;
    const sizes = imageSizes(image);
    flash += total(sizes.flash);
    console.log(`${title === "" ? "" : `\n${title}\n`}${formatSizes(sizes, baselines[name])}`);
    baselines[name] = sizes;
  }
  console.log(
    `\nfirst stage: ${boot} bytes of flash; with the isolate ${(flash / 1024).toFixed(1)} KiB`,
  );
  if (images.outside !== undefined) {
    const map = readFileSync(images.main.replace(/\.\w+$/, ".map"), "utf8");
    console.log(`trusted with the attestation key: ${trustedWithKey(map, boot)} bytes of flash`);
  }
  if (options.update) {
    const sorted = Object.entries(baselines).sort();
    writeFileSync(baselinePath, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
    console.log(`baseline written to ${here(baselinePath)}`);
  }
}

/** What the first stage starts, each image with the world that it is. */
function worldsOf({ main, outside }: ReturnType<typeof isolateImages>) {
  if (outside === undefined) return [{ title: "", image: main }];
  return [
    { title: "secure world", image: main },
    { title: "non-secure world", image: outside },
  ];
}

async function linkAction(options: { board: string; link: "tcp" | "serial" }): Promise<void> {
  requireTools();
  const { roundTripMs, toBoard, fromBoard } = await measureLink(
    checkEmulatedBoard(options.board),
    options.link,
  );
  const rate = (bytesPerSecond: number) => `${(bytesPerSecond / 1024).toFixed(0)} KiB/s`;
  console.log(`${options.board}, ${options.link}, under emulation (nothing like a real line's speed)
round trip of a 64-byte message   ${roundTripMs.toFixed(2)} ms (median)
16 KiB messages to the board      ${rate(toBoard)}
and back at the same time         ${rate(fromBoard)}`);
}

mkdirSync(dirname(mcuBuildFolder), { recursive: true });
const command = new Command("vc-mcu")
  .description("Firmware for microcontrollers: the isolate on a Cortex-M, emulated or real.")
  .addHelpText(
    "after",
    `
Exit codes: 0 done; 1 it failed, or a tool or board is missing; 2 wrong arguments or files.

Example: vc-mcu size --board mps2-an505 --host c`,
  );
command
  .command("build")
  .description("build the first stage and the isolate; print the measurement")
  .addOption(boardOption())
  .addOption(hostOption())
  .action(buildAction);
command
  .command("run")
  .description("run the isolate under QEMU and show its console, until the firmware ends")
  .addOption(boardOption())
  .addOption(hostOption())
  .option(
    "--listen <host:port>",
    "where the Veracruz server connects; port 0 takes any free port",
    (text) => parseAddress(text),
    addresses.isolate,
  )
  .addOption(stateOption())
  .addOption(controlKeyOption("take only a server that has this key"))
  .addOption(trustNetworkOption())
  .action(runAction);
command
  .command("provision")
  .description("read a board's identity and write the file that enrols it")
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(stateOption())
  .option("--console <device>", "serial device of a real board's console, as in /dev/ttyACM0")
  .option(
    "--lock",
    "first hide a real board's secret and shut debuggers out for ever, once that is confirmed in words",
  )
  .option(
    "--secured",
    "for tests: a new emulated board that says it is secured; only a manufacturer made up for them may endorse it",
  )
  .option("--label <text>", "name of the board in the proxy attestation server's list")
  .option("-o, --output <file>", "where the enrolment goes", "enrolment.json")
  .action(provisionAction);
command
  .command("inspect")
  .description(
    "show a board's protections, read by its debug probe, or its lifecycle, as it says it itself",
  )
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(stateOption())
  .option("--console <device>", "serial device of a real board's console, as in /dev/ttyACM0")
  .action(inspectAction);
command
  .command("prove")
  .description(
    "have a board prove, over a challenge of vc-pas, that it holds its key: for a secured device's enrolment",
  )
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(stateOption())
  .option("--isolate <host:port>", "a real board, where it listens", (text) => parseAddress(text))
  .option("--serial <device>", "a real board, on its serial link, as in /dev/ttyUSB0")
  .addOption(controlKeyOption("with these, the key that the board demands"))
  .requiredOption("--challenge <hex>", "what vc-pas challenge printed, 32 bytes")
  .option("-o, --output <file>", "where the token goes", "device.token")
  .action(proveAction);
command
  .command("flash")
  .description("build and write the firmware to a connected board")
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(controlKeyOption("also provision the key that a server must have"))
  .addOption(trustNetworkOption())
  .addHelpText(
    "after",
    "\nA board with neither takes no server. What an earlier command has provisioned stays.",
  )
  .action(flashAction);
command
  .command("size")
  .description("show flash and RAM by component, and the change since the stored baseline")
  .addOption(boardOption())
  .addOption(hostOption())
  .option("--update", "store the sizes as the new baseline")
  .action(sizeAction);
command
  .command("link")
  .description("measure throughput and round trip of a link, on an image that echoes")
  .addOption(boardOption())
  .addOption(new Option("--link <kind>", "which link").choices(["tcp", "serial"]).default("tcp"))
  .action(linkAction);
addUpdateCommands(command);

await runCommand(command);
