#!/usr/bin/env node
// vc-mcu: builds, runs, provisions, flashes and measures the firmware for microcontrollers.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { Command, Option } from "commander";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, runCommand, writeUserFile } from "../common/cli.js";
import { projectRoot } from "../common/paths.js";
import { boardNames, checkBoard, checkEmulatedBoard, flashSettings } from "./boards.js";
import {
  type BoardIdentity,
  buildIsolate,
  EmulatedIsolate,
  enrolmentOf,
  isolateImages,
  isolateMeasurement,
  readIdentity,
} from "./emulated-isolate.js";
import { measureLink } from "./link-bench.js";
import { formatSizes, readSizes, type Sizes, total } from "./size-report.js";
import { type Host, hosts, mcuBuildFolder, missingTools } from "./toolchain.js";

const EXIT_FAILED = 1;

const boardOption = () =>
  new Option("--board <name>", `one of ${boardNames().join(", ")}`).default("mps2-an505");
const hostOption = () =>
  new Option("--host <kind>", "how the trusted runtime is hosted: interpreted, or compiled from C")
    .choices(hosts)
    .default("wasm3");
const stateOption = () =>
  new Option(
    "--state <file>",
    "file that stands for an emulated board's secret storage; made at first start (default: build/mcu/state/BOARD)",
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
  const { boot, main } = isolateImages(target.board, target.host);
  const measurement = isolateMeasurement(target.board, target.host);
  writeFileSync(hashFile(target), `${measurement}\n`);
  console.log(`first stage  ${here(boot.replace(/\.elf$/, ".bin"))}
isolate      ${here(main)}, ${statSync(main).size} bytes
measurement  ${measurement}
             in ${here(hashFile(target))}, for vc-pgen --runtime-hash-file mcu=FILE`);
}

interface RunOptions extends Target {
  listen: { host: string; port: number };
  state?: string;
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
    });
  } catch (error) {
    throw new CliError((error as Error).message, EXIT_FAILED);
  }
}

async function runAction(options: RunOptions): Promise<void> {
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
    throw new CliError(`nothing on ${device} within a minute says who the board is`, EXIT_FAILED);
  return identity;
}

async function provisionAction(options: ProvisionOptions): Promise<void> {
  let identity: BoardIdentity;
  if (options.console !== undefined) {
    checkBoard(options.board);
    identity = identityFromConsole(options.console);
  } else {
    const isolate = await startEmulated({ ...options, listen: { host: "127.0.0.1", port: 0 } });
    identity = isolate.identity;
    await isolate.close();
  }
  const label = options.label ?? `${identity.board} ${identity.instanceId.slice(2, 10)}`;
  const enrolment = enrolmentOf(identity, label);
  writeUserFile(options.output, "enrolment file", `${JSON.stringify(enrolment, null, 2)}\n`);
  console.log(`wrote ${options.output}; enrol the board with: vc-pas enroll --from ${options.output}
its image must be allowed there, too: measurement ${identity.measurement}`);
}

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((f) => existsSync(join(f, command)));
}

async function flashAction(target: Target): Promise<void> {
  const { tools } = flashSettings(target.board);
  const tool = tools.find(({ command }) => isOnPath(command));
  if (!tool) {
    const names = tools.map((t) => (t.package ? `${t.command} (${t.package})` : t.command));
    throw new CliError(`none of the flashing tools is installed: ${names.join(", ")}`, EXIT_FAILED);
  }
  await build(target);
  const { boot, main } = isolateImages(target.board, target.host);
  const paths: Record<string, string> = { boot: boot.replace(/\.elf$/, ".bin"), main };
  const args = tool.arguments.map((argument) =>
    argument.replaceAll(/\{(\w+)\}/g, (_, name: string) => paths[name] ?? ""),
  );
  console.log([tool.command, ...args].join(" "));
  const { status, stderr, stdout } = spawnSync(tool.command, args, { encoding: "utf8" });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  if (status === 0) return;
  const probe = `${stdout}${stderr}`.includes(tool.noProbe);
  throw new CliError(
    probe
      ? `${tool.command} finds no debug probe: connect the board's ST-LINK (USB) and try again`
      : `${tool.command} failed (exit code ${status})`,
    EXIT_FAILED,
  );
}

const baselinePath = join(projectRoot, "mcu-client", "size-baseline.json");

async function sizeAction(options: Target & { update?: boolean }): Promise<void> {
  await build(options);
  const { elf, main } = isolateImages(options.board, options.host);
  const map = readFileSync(elf.replace(/\.elf$/, ".map"), "utf8");
  const sizes = readSizes(map, statSync(main).size);
  const baselines: Record<string, Sizes> = existsSync(baselinePath)
    ? JSON.parse(readFileSync(baselinePath, "utf8"))
    : {};
  const key = `${options.board} ${options.host}`;
  const boot = isolateImages(options.board, options.host).boot.replace(/\.elf$/, ".bin");
  console.log(`${key}; RAM is what is reserved, without the heap that programs take
${formatSizes(sizes, baselines[key])}
first stage: ${statSync(boot).size} bytes of flash; with the isolate ${((statSync(boot).size + total(sizes.flash)) / 1024).toFixed(1)} KiB`);
  if (options.update) {
    const sorted = Object.entries({ ...baselines, [key]: sizes }).sort();
    writeFileSync(baselinePath, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
    console.log(`baseline written to ${here(baselinePath)}`);
  }
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
const command = new Command("vc-mcu").description(
  "Firmware for microcontrollers: the isolate on a Cortex-M, emulated or real.",
);
command
  .command("build")
  .description("build the first stage and the isolate; print the measurement")
  .addOption(boardOption())
  .addOption(hostOption())
  .action(buildAction);
command
  .command("run")
  .description("run the isolate under QEMU, its console shown; ends with the firmware")
  .addOption(boardOption())
  .addOption(hostOption())
  .option(
    "--listen <host:port>",
    "where the Veracruz server connects; port 0 takes any free port",
    (text) => parseAddress(text),
    addresses.isolate,
  )
  .addOption(stateOption())
  .action(runAction);
command
  .command("provision")
  .description(
    "read who a board is (it makes its secret at first start) and write the file to enrol it with",
  )
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(stateOption())
  .option("--console <device>", "serial device of a real board's console, as /dev/ttyACM0")
  .option("--label <text>", "name of the board in the proxy attestation server's list")
  .option("-o, --output <file>", "where the enrolment goes", "enrolment.json")
  .action(provisionAction);
command
  .command("flash")
  .description("build and write the firmware to a connected board")
  .addOption(boardOption())
  .addOption(hostOption())
  .action(flashAction);
command
  .command("size")
  .description("flash and RAM by component, and the change against the stored baseline")
  .addOption(boardOption())
  .addOption(hostOption())
  .option("--update", "store the sizes as the new baseline")
  .action(sizeAction);
command
  .command("link")
  .description("measure throughput and round trip of a link, on an image that sends all back")
  .addOption(boardOption())
  .addOption(new Option("--link <kind>", "which link").choices(["tcp", "serial"]).default("tcp"))
  .action(linkAction);

await runCommand(command);
