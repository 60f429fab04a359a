#!/usr/bin/env node
// vc-mcu-client: the MCU client's firmware and its provisioning; the demo of three emulated devices.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { addresses, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { EXIT_INTERRUPTED, interruptible } from "../common/interruption.js";
import { projectRoot } from "../common/paths.js";
import { parseWhole } from "../common/quantities.js";
import { readSecretFile } from "../common/secret-files.js";
import { checkBoard, checkEmulatedBoard, flashSettings } from "../mcu/boards.js";
import { buildIsolate } from "../mcu/emulated-isolate.js";
import { formatSizes, readSizes, total } from "../mcu/size-report.js";
import { emulatedBoards, type Host, hosts, missingTools } from "../mcu/toolchain.js";
import { ClientError } from "../veracruz-client/errors.js";
import { loadIdentity } from "../veracruz-client/identity.js";
import { Policy, PolicyError } from "../veracruz-utils/policy.js";
import { control } from "./controller.js";
import { Deployment, type IsolateChoice } from "./deployment.js";
import {
  buildClient,
  clientImage,
  type EmulatedDevice,
  flashStart,
  pageAddress,
  type Sample,
  samples,
} from "./device.js";
import { finishDevices, startDevices, waitHealthy, waitReady } from "./devices.js";
import { makePage, PageError, pageHeader } from "./page.js";
import { DEVICES, scenarios } from "./scenarios.js";

const EXIT_FAILED = 1;
const defaultFolder = join(projectRoot, "build", "mcu-demo");

const seconds = (text: string) => parseWhole(text, 1, 100_000) * 1000;
const boardOption = () =>
  new Option("--board <name>", "board that the devices are").default("mps2-an385");
const hostOption = () =>
  new Option("--host <kind>", "how the client's module runs: compiled through C, or interpreted")
    .choices(hosts)
    .default("c");
const sampleOption = (description = "which sample") =>
  new Option("--sample <name>", description).choices(samples).default("audio-event-triangulation");
const folderOption = () =>
  new Option("--folder <dir>", "where keys, policy, data and pages are").default(
    relative(process.cwd(), defaultFolder) || ".",
  );

const deviceOption = () =>
  new Option("--device <n>", "only this one; repeat")
    .argParser((text: string, list: number[]) => [...list, parseWhole(text, 0, DEVICES - 1)])
    .default([], "all");

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
let started = performance.now();
/** A line of progress: seconds, who, what. */
function tell(who: string, text: string): void {
  const time = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  console.log(`${time}  ${bold(who.padEnd(12))} ${text}`);
}

function requireTools(): void {
  const missing = missingTools();
  if (missing) throw new CliError(missing, EXIT_FAILED);
}

async function build(board: string, host: Host, sample: Sample): Promise<void> {
  requireTools();
  try {
    await buildClient(checkBoard(board), host, sample);
  } catch (error) {
    throw new CliError(`the firmware does not build:\n${(error as Error).message}`, EXIT_FAILED);
  }
}

// ---- build, size ----

interface Target {
  board: string;
  host: Host;
  sample: Sample;
}

async function buildAction({ board, host, sample }: Target): Promise<void> {
  await build(board, host, sample);
  const image = clientImage(board, host, sample);
  console.log(
    `${relative(process.cwd(), image)}: ${statSync(image.replace(/elf$/, "bin")).size} bytes of flash`,
  );
}

async function sizeAction({ board, host, sample }: Target): Promise<void> {
  await build(board, host, sample);
  const image = clientImage(board, host, sample);
  const map = readFileSync(image.replace(/elf$/, "map"), "utf8");
  const sizes = readSizes(map, statSync(image.replace(/elf$/, "bin")).size);
  console.log(`client with ${sample} on ${board}, ${host}
${formatSizes(sizes, undefined)}
flash ${(total(sizes.flash) / 1024).toFixed(1)} KiB, RAM ${(total(sizes.ram) / 1024).toFixed(1)} KiB`);
}

// ---- flash ----

interface FlashOptions extends Target {
  page: string;
  dryRun?: boolean;
}

/** Writes image and page by the tool of the board's flash.json, with its probe and target. */
async function flashAction(options: FlashOptions): Promise<void> {
  const { board, host, sample, page, dryRun } = options;
  const [tool] = flashSettings(board).tools.filter(({ command: name }) => name === "openocd");
  if (tool === undefined) throw new CliError(`${board} has no flash.json for OpenOCD`, EXIT_FAILED);
  const bytes = readUserFile(page, "page");
  if (Buffer.from(bytes.subarray(0, 8)).toString("latin1") !== "VCPAGE01") {
    throw new CliError(`${page} is no page of vc-mcu-client provision`, EXIT_FAILED);
  }
  await build(board, host, sample);
  const image = clientImage(board, host, sample).replace(/elf$/, "bin");
  const probe = tool.arguments.slice(0, tool.arguments.indexOf("-c"));
  // Text in braces is one word to OpenOCD, whatever is in it.
  const program = (file: string, address: string) => `program {${file}} ${address} verify`;
  const args = [
    ...probe,
    ...["-c", program(image, flashStart(board))],
    ...["-c", `${program(resolve(page), pageAddress(board))} reset exit`],
  ];
  console.log(
    [tool.command, ...args.map((each) => (/\s/.test(each) ? `"${each}"` : each))].join(" "),
  );
  if (dryRun) return;
  const { status, error, stderr } = spawnSync(tool.command, args, { encoding: "utf8" });
  if (error !== undefined) {
    throw new CliError(`${tool.command} is not installed: apt-get install openocd`, EXIT_FAILED);
  }
  process.stderr.write(stderr);
  if (status === 0) return;
  throw new CliError(
    stderr.includes(tool.noProbe)
      ? `${tool.command} finds no debug probe: connect the board's ST-LINK (USB) and try again`
      : `${tool.command} failed (exit code ${status})`,
    EXIT_FAILED,
  );
}

// ---- provision ----

interface ProvisionOptions {
  policy: string;
  identity: string;
  key: string;
  server?: { host: string; port: number };
  data: [string, string][];
  program: [string, string][];
  result?: string;
  shutdown?: boolean;
  output?: string;
  header?: string;
}

function collectFile(value: string, list: [string, string][]): [string, string][] {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || path === undefined) {
    throw new InvalidArgumentError("expected NAME=FILE, as in input-0=./recording.wav");
  }
  return [...list, [name, path]];
}

function provisionAction(options: ProvisionOptions): void {
  if (options.output === undefined && options.header === undefined) {
    throw new CliError("say what to make: --output FILE (a flash page), --header FILE, or both");
  }
  const files = (list: [string, string][]) =>
    list.map(([name, path]) => ({ name, bytes: readUserFile(path, name) }));
  try {
    const policy = new Policy(readUserFile(options.policy, "policy"));
    const identity = loadIdentity(
      readUserFile(options.identity, "certificate"),
      readSecretFile(options.key, "key"),
    );
    const page = makePage({
      policy,
      identity,
      server: options.server ?? parseAddress(policy.document.veracruz_server_url),
      data: files(options.data),
      programs: files(options.program),
      ...(options.result !== undefined && { result: options.result }),
      shutdown: options.shutdown ?? false,
    });
    // A page holds the device's key: nobody else may read it.
    process.umask(0o077);
    if (options.output !== undefined) writeUserFile(options.output, "page", page);
    if (options.header !== undefined) writeUserFile(options.header, "header", pageHeader(page));
    console.log(
      `${page.length} bytes, with the device's private key: keep it as you would keep that`,
    );
  } catch (error) {
    const known =
      error instanceof PageError || error instanceof ClientError || error instanceof PolicyError;
    throw known ? new CliError(error.message, EXIT_FAILED) : error;
  }
}

// ---- demo ----

interface DemoOptions {
  scenario: Sample;
  all?: boolean;
  isolate: IsolateChoice;
  address: string;
  pasPort: number;
  serverPort: number;
  devices: boolean;
  board: string;
  host: Host;
  folder: string;
  wait: number;
  generator: string[];
}

function parseIsolate(text: string): IsolateChoice {
  if (text === "process") return { kind: "process" };
  const [, name, host = "wasm3"] = /^qemu:([^:]+)(?::(\w+))?$/.exec(text) ?? [];
  const board = emulatedBoards.find((each) => each === name);
  const runtimeHost = hosts.find((each) => each === host);
  if (board === undefined || runtimeHost === undefined) {
    throw new InvalidArgumentError(
      `expected process, qemu:BOARD or qemu:BOARD:c, where BOARD is one of ${emulatedBoards.join(", ")}`,
    );
  }
  return { kind: "qemu", board, runtimeHost };
}

const chosen = (options: DemoOptions): readonly Sample[] =>
  options.all ? samples : [options.scenario];

/** Builds the images that a demo takes: ahead of it, as a network namespace has nothing to fetch from. */
async function prepareAction(options: DemoOptions): Promise<void> {
  const board = checkEmulatedBoard(options.board);
  if (options.devices) {
    for (const sample of chosen(options)) await build(board, options.host, sample);
  }
  if (options.isolate.kind === "qemu") {
    requireTools();
    await buildIsolate(options.isolate.board, options.isolate.runtimeHost);
  }
}

/** After an interruption, what was under way goes on in the background: it must end here. */
function endIfInterrupted(error: unknown): void {
  if (!(error instanceof CliError) || error.exitCode !== EXIT_INTERRUPTED) return;
  console.error(`vc-mcu-client: ${error.message}`);
  process.exit(EXIT_INTERRUPTED);
}

async function demoAction(options: DemoOptions): Promise<void> {
  await prepareAction(options);
  let failed = 0;
  for (const scenario of chosen(options)) {
    if (options.all) console.log(`\n${bold(scenario)}`);
    try {
      await compute({ ...options, scenario });
    } catch (error) {
      endIfInterrupted(error);
      if (!options.all || !(error instanceof CliError)) throw error;
      console.error(`vc-mcu-client: ${scenario}: ${error.message}`);
      failed++;
    }
  }
  if (!options.all) return;
  console.log(`\n${samples.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = EXIT_FAILED;
}

/** One computation, from keys to result. */
async function compute(options: DemoOptions): Promise<void> {
  const board = checkEmulatedBoard(options.board);
  const scenario = scenarios[options.scenario];
  const folder = resolve(options.folder);
  started = performance.now();
  let devices: EmulatedDevice[] = [];
  const deployment = new Deployment({
    folder,
    scenario,
    isolate: options.isolate,
    host: options.address,
    attestationPort: options.pasPort,
    serverPort: options.serverPort,
    generator: options.generator,
    tell,
  });
  const work = async () => {
    await deployment.start();
    if (options.devices) {
      devices = startDevices({ folder, sample: options.scenario, board, host: options.host, tell });
    } else {
      tell(
        "devices",
        `start them with: mcu-client/run_mcu_demo_client.sh --folder ${options.folder}`,
      );
    }
    const missing = () =>
      devices.flatMap(({ lines }, index) =>
        lines.some((line) => /^device: sent /.test(line)) ? [] : [`device-${index}`],
      );
    const watch = finishDevices(devices);
    const controlled = control({
      deployment,
      scenario,
      timeoutMs: options.wait,
      tell,
      ...(options.devices && { missing }),
    });
    // A device that fails ends the demo at once, rather than by its time limit.
    await Promise.all([watch, controlled]);
  };
  await interruptible(work, async () => {
    for (const device of devices) await device.close();
    await deployment.stop();
  });
  tell("demo", `done in ${((performance.now() - started) / 1000).toFixed(1)} s, building apart`);
}

interface RunOptions {
  folder: string;
  board: string;
  host: Host;
  device: number[];
  wait: number;
  /** Whether to build what is not up to date first. */
  build: boolean;
}

async function runAction(options: RunOptions): Promise<void> {
  const folder = resolve(options.folder);
  const board = checkEmulatedBoard(options.board);
  const ready = await waitReady(folder, options.wait);
  if (options.build) await build(board, options.host, ready.sample);
  tell("devices", `${ready.sample}, to the server on ${ready.server.host}:${ready.server.port}`);
  let devices: EmulatedDevice[] = [];
  const work = async () => {
    devices = startDevices({
      folder,
      sample: ready.sample,
      board,
      host: options.host,
      tell,
      ...(options.device.length > 0 && { numbers: options.device }),
    });
    await finishDevices(devices);
  };
  try {
    await interruptible(work, async () => {
      for (const device of devices) await device.close();
    });
  } catch (error) {
    endIfInterrupted(error);
    throw error;
  }
}

interface WaitOptions {
  folder: string;
  wait: number;
  after?: string;
  healthy?: boolean;
}

async function waitAction(options: WaitOptions): Promise<void> {
  const deadline = Date.now() + options.wait;
  const ready = await waitReady(resolve(options.folder), options.wait, options.after);
  if (options.healthy) await waitHealthy(ready, deadline);
  console.log(`${ready.pid} ${ready.id}`);
}

const command = new Command("vc-mcu-client").description(
  "The Veracruz client for microcontrollers: its firmware, its provisioning, and a demo of three emulated devices.",
);
command
  .command("build")
  .description("build a sample's image")
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(sampleOption())
  .action(buildAction);
command
  .command("size")
  .description("flash and RAM of a sample's image, by component")
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(sampleOption())
  .action(sizeAction);
command
  .command("flash")
  .description("write a sample's image and a device's page to a connected board")
  .addOption(boardOption().default("nucleo-h753zi"))
  .addOption(hostOption())
  .addOption(sampleOption())
  .requiredOption("--page <file>", "the device's page, made by provision")
  .option("--dry-run", "build, and say what would be done")
  .action(flashAction);
command
  .command("provision")
  .description("turn policy, certificate, key and files into a device's flash page, or a C header")
  .requiredOption("--policy <file>", "the policy that all have agreed on, JSON")
  .requiredOption("-i, --identity <file>", "the device's certificate, PEM")
  .requiredOption("-k, --key <file>", "its private key, PEM, readable by its owner only")
  .option(
    "--server <host:port>",
    "where the device finds the server, IPv4 (default: the policy's)",
    (text) => parseAddress(text),
  )
  .option("-d, --data <name=file>", "a file that it sends as data; repeat", collectFile, [])
  .option("-p, --program <name=file>", "a file that it sends as program; repeat", collectFile, [])
  .option("--result <name>", "a file that it reads when all is sent")
  .option("--shutdown", "it agrees to the end of the computation then")
  .option("-o, --output <file>", "write the flash page there")
  .option("--header <file>", "write a C header with the page there")
  .action(provisionAction);
/** The options of a demo. */
function withDemoOptions(demo: Command): Command {
  return demo
    .addOption(
      new Option("--scenario <name>", "what is computed")
        .choices(samples)
        .default("audio-event-triangulation"),
    )
    .option("--all", "all scenarios, one after the other; the last line counts what passed")
    .addOption(
      new Option(
        "--isolate <kind>",
        "process, or qemu:BOARD[:wasm3|c], an emulated microcontroller",
      )
        .argParser(parseIsolate)
        .default({ kind: "process" }, "process"),
    )
    .option(
      "--address <ip>",
      "address of both servers",
      addresses.mcuDemoVeracruzServer.host as string,
    )
    .option(
      "--pas-port <n>",
      "port of the proxy attestation server; 0: any free one",
      (text) => parseWhole(text, 0, 65_535),
      addresses.mcuDemoProxyAttestationServer.port as number,
    )
    .option(
      "--server-port <n>",
      "port of the Veracruz server; 0: any free one",
      (text) => parseWhole(text, 0, 65_535),
      addresses.mcuDemoVeracruzServer.port as number,
    )
    .option("--no-devices", "start no devices: they are started elsewhere")
    .addOption(boardOption())
    .addOption(hostOption())
    .addOption(folderOption())
    .option("--wait <seconds>", "how long the controller waits for the devices", seconds, 120_000)
    .option(
      "--generator <option...>",
      "options of the scenario's generator of data, as in --generator=--noise=0.02",
      [],
    );
}
withDemoOptions(command.command("demo"))
  .description(
    "start attestation, server and isolate; with three emulated devices compute a result and check it",
  )
  .action(demoAction);
withDemoOptions(command.command("prepare"))
  .description("build the images that `demo` with the same options takes")
  // What `run` has besides.
  .addOption(deviceOption())
  .action(prepareAction);
command
  .command("wait")
  .description(
    "wait for a demo's servers; print the process whose network they are in, and what tells this demo from others",
  )
  .addOption(folderOption())
  .addOption(boardOption().hideHelp())
  .addOption(hostOption().hideHelp())
  .addOption(deviceOption().hideHelp())
  .option("--after <id>", "wait for another one than this")
  .option(
    "--healthy",
    "until the server answers and its isolate is attested; from within its network",
  )
  .option("--wait <seconds>", "how long to wait", seconds, 120_000)
  .action(waitAction);
command
  .command("run")
  .description("run the emulated devices of a demo that was started with --no-devices")
  .addOption(folderOption())
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(deviceOption())
  .option("--no-build", "run the images as they are")
  .option("--wait <seconds>", "how long to wait for the server", seconds, 120_000)
  .action(runAction);

await runCommand(command);
