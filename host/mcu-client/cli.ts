#!/usr/bin/env node
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { addresses, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { EXIT_INTERRUPTED, interruptible } from "../common/interruption.js";
import { projectRoot } from "../common/paths.js";
import { parseWhole, seconds } from "../common/quantities.js";
import { readSecretFile } from "../common/secret-files.js";
import { MAX_RESTARTS } from "../continuity/scope.js";
import { checkBoard, checkEmulatedBoard, flashSettings } from "../mcu/boards.js";
import { buildIsolate } from "../mcu/emulated-isolate.js";
import { formatSizes, imageSizes, type Sizes, total } from "../mcu/size-report.js";
import {
  emulatedForms,
  expectedEmulated,
  type Host,
  hosts,
  hostsInWords,
  missingTools,
  parseEmulated,
} from "../mcu/toolchain.js";
import { ClientError } from "../veracruz-client/errors.js";
import { loadIdentity } from "../veracruz-client/identity.js";
import { Policy, PolicyError } from "../veracruz-utils/policy.js";
import { control } from "./controller.js";
import { Deployment, type IsolateChoice } from "./deployment.js";
import {
  buildClient,
  clientImage,
  clientOutside,
  EmulatedDevice,
  flashStart,
  pageAddress,
  type Sample,
  samples,
} from "./device.js";
import { finishDevices, startDevices, waitHealthy, waitReady } from "./devices.js";
import { buildPosixPrograms, makeArchive, makeProject, missingPosixTools } from "./library.js";
import { makePage, PageError, pageHeader } from "./page.js";
// vc-mcu-client: the MCU client's firmware and its provisioning; the demo of three emulated devices.
import { PAGE_MAGIC } from "./page-items.js";
import { type PosixClient, startPosixClient } from "./posix-client.js";
import { DEVICES, scenarios } from "./scenarios.js";

const EXIT_FAILED = 1;
const defaultFolder = join(projectRoot, "build", "mcu-demo");

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
    if (error instanceof CliError) throw error;
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
  const outside = clientOutside(board, host, sample);
  for (const image of [clientImage(board, host, sample), ...(outside ? [outside] : [])])
    console.log(
      `${relative(process.cwd(), image)}: ${statSync(image.replace(/elf$/, "bin")).size} bytes of flash`,
    );
}

async function sizeAction({
  board,
  host,
  sample,
  against,
}: Target & { against?: string }): Promise<void> {
  const image = clientImage(board, host, sample);
  let before: Sizes | undefined;
  if (against !== undefined) {
    const there = resolve(against, relative(projectRoot, image));
    if (!existsSync(there))
      throw new CliError(
        `${there} is missing: run \`vc-mcu-client size\` with the same options in ${against} first`,
      );
    before = imageSizes(there);
  }
  await build(board, host, sample);
  const sizes = imageSizes(image);
  const show = (of: Sizes, than?: Sizes) => `${formatSizes(of, than)}
flash ${(total(of.flash) / 1024).toFixed(1)} KiB, RAM ${(total(of.ram) / 1024).toFixed(1)} KiB`;
  const outside = clientOutside(board, host, sample);
  const world = outside === undefined ? "" : ", secure world";
  console.log(`client with ${sample} on ${board}, ${host}${world}\n${show(sizes, before)}`);
  if (outside !== undefined) console.log(`\nnon-secure world\n${show(imageSizes(outside))}`);
}

// ---- flash ----

interface FlashOptions extends Target {
  image?: string;
  page: string;
  dryRun?: boolean;
}

/** Writes image and page by the tool of the board's flash.json, with its probe and target. */
async function flashAction(options: FlashOptions): Promise<void> {
  const { board, host, sample, page, dryRun } = options;
  const [tool] = flashSettings(board).tools.filter(({ command: name }) => name === "openocd");
  if (tool === undefined) throw new CliError(`${board} has no flash.json for OpenOCD`, EXIT_FAILED);
  const bytes = readUserFile(page, "page");
  if (Buffer.from(bytes.subarray(0, PAGE_MAGIC.length)).toString("latin1") !== PAGE_MAGIC) {
    throw new CliError(`${page} is no page of vc-mcu-client provision`, EXIT_FAILED);
  }
  if (options.image !== undefined) readUserFile(options.image, "image");
  else await build(board, host, sample);
  const image =
    options.image === undefined
      ? clientImage(board, host, sample).replace(/elf$/, "bin")
      : resolve(options.image);
  // Text in braces is one word to OpenOCD, whatever is in it.
  const program = (file: string, address: string) => `program {${file}} ${address} verify`;
  const args = [
    ...tool.common,
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
  stream: [string, string][];
  result?: string;
  shutdown?: boolean;
  acceptRestart?: number;
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
      streams: files(options.stream),
      ...(options.result !== undefined && { result: options.result }),
      shutdown: options.shutdown ?? false,
      ...(options.acceptRestart !== undefined && { acceptRestart: options.acceptRestart }),
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
  devicesFolder?: string;
  wait: number;
  generator: string[];
}

function parseIsolate(text: string): IsolateChoice {
  if (text === "process") return { kind: "process" };
  const emulated = text.startsWith("qemu:") ? parseEmulated(text.slice("qemu:".length)) : undefined;
  if (emulated === undefined) throw new InvalidArgumentError(expectedEmulated("process or "));
  return { kind: "qemu", ...emulated };
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

/** After an interruption, work goes on in the background: it must end here. */
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
  const devicesFolder = resolve(options.devicesFolder ?? folder);
  started = performance.now();
  let devices: EmulatedDevice[] = [];
  const deployment = new Deployment({
    folder,
    devicesFolder,
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
      devices = startDevices({
        folder: devicesFolder,
        sample: options.scenario,
        board,
        host: options.host,
        tell,
      });
    } else {
      const shown = options.devicesFolder ?? options.folder;
      tell("devices", `start them with: mcu-client/run_mcu_demo_client.sh --folder ${shown}`);
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
  /** As processes of this computer, rather than in emulators. */
  posix?: boolean;
  /** Firmware of the user's own. */
  image?: string;
  /** One client with this page, rather than a demo's. */
  page?: string;
  server?: { host: string; port: number };
  /** Of one with a page of its own. */
  nextRound?: boolean;
  state?: boolean;
  output?: string;
}

/** Runs clients as processes of this computer: the devices of a demo, or one with a page of its own. */
async function runPosix(options: RunOptions): Promise<void> {
  const missing = missingPosixTools();
  if (missing) throw new CliError(missing, EXIT_FAILED);
  const folder = resolve(options.folder);
  let pages: { name: string; page: string }[];
  let { server } = options;
  if (options.page !== undefined) {
    readUserFile(options.page, "page");
    pages = [{ name: "client", page: options.page }];
  } else {
    const ready = await waitReady(folder, options.wait);
    // The pages have it as an emulated board sees it.
    server ??= ready.server;
    const all = Array.from({ length: DEVICES }, (_, index) => index);
    const numbers = options.device.length > 0 ? options.device : all;
    pages = numbers.map((number) => {
      const name = `device-${number}`;
      return { name, page: join(folder, "pages", `${name}.bin`) };
    });
  }
  let clients: PosixClient[] = [];
  await interruptible(
    async () => {
      const { client: program } = await buildPosixPrograms();
      clients = pages.map(({ name, page }) =>
        startPosixClient(
          program,
          page,
          {
            ...(server !== undefined && { server }),
            ...(options.nextRound && { nextRound: true }),
            ...(options.state && { state: true }),
            ...(options.output !== undefined && { output: resolve(options.output) }),
          },
          (line) => tell(name, line),
        ),
      );
      await finishDevices(clients);
    },
    async () => {
      for (const client of clients) await client.close();
    },
  );
}

/** Runs firmware of the user's own on an emulated board. */
async function runImage(options: RunOptions, image: string): Promise<void> {
  const board = checkEmulatedBoard(options.board);
  if (options.page === undefined) throw new CliError("--image needs the device's --page");
  const page = readUserFile(options.page, "page");
  readUserFile(image, "image");
  let device: EmulatedDevice | undefined;
  await interruptible(
    async () => {
      device = new EmulatedDevice({
        ...{ board, host: options.host, sample: samples[0] },
        image: resolve(image),
        page,
        console: (line) => tell("device", line),
      });
      await finishDevices([device]);
    },
    async () => device?.close(),
  );
}

// ---- new, library ----

async function newAction(folder: string, { board }: { board: string }): Promise<void> {
  requireTools();
  await makeProject(resolve(folder), checkBoard(board));
  console.log(`${folder} is there. Build it:
  cd ${folder}
  cmake --toolchain veracruz-mcu-client/cmake/arm-none-eabi.cmake -B build
  cmake --build build`);
}

async function libraryAction({ output }: { output: string }): Promise<void> {
  requireTools();
  try {
    console.log(join(output, await makeArchive(output)));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`the archive cannot be made:\n${(error as Error).message}`, EXIT_FAILED);
  }
}

async function runAction(options: RunOptions): Promise<void> {
  const { server, nextRound, state, output } = options;
  const ownPage = options.posix && options.page !== undefined;
  if (!ownPage && (nextRound || state || output !== undefined))
    throw new CliError("--next-round, --state and --output go with --posix and --page");
  if (options.posix) return runPosix(options);
  if (server !== undefined) throw new CliError("--server goes with --posix");
  if (options.image !== undefined) return runImage(options, options.image);
  if (options.page !== undefined) throw new CliError("--page goes with --posix or --image");
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

const command = new Command("vc-mcu-client")
  .description(
    "The Veracruz client for microcontrollers: its firmware, its provisioning, and a demo of three emulated devices.",
  )
  .addHelpText(
    "after",
    `
Exit codes: 0 done; 1 it failed, or a tool or board is missing; 2 wrong arguments or files; 130 interrupted.

Example: vc-mcu-client new my-sample --board mps2-an385`,
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
  .description("show flash and RAM of a sample's image, by component")
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(sampleOption())
  .option(
    "--against <folder>",
    "another checkout of this project, where the same was run: show what changed",
  )
  .action(sizeAction);
command
  .command("flash")
  .description("write a sample's image and a device's page to a connected board")
  .addOption(boardOption().default("nucleo-h753zi"))
  .addOption(hostOption())
  .addOption(sampleOption())
  .option("--image <file>", "a raw image (.bin) of your own, in place of a sample's")
  .requiredOption("--page <file>", "the device's page, made by provision")
  .option("--dry-run", "build, and print the commands that would flash")
  .action(flashAction);
command
  .command("provision")
  .description("turn policy, certificate, key and files into a device's flash page, or a C header")
  .requiredOption("--policy <file>", "the policy that all parties agreed on, JSON")
  .requiredOption("-i, --identity <file>", "the device's certificate, PEM")
  .requiredOption("-k, --key <file>", "its private key, PEM, readable by its owner only")
  .option(
    "--server <host:port>",
    "where the device finds the server: IPv4, [IPv6], or a name where its transport looks names up (default: the policy's)",
    (text) => parseAddress(text),
  )
  .option("-d, --data <name=file>", "a file that the device sends as data; repeat", collectFile, [])
  .option(
    "-p, --program <name=file>",
    "a file that the device sends as program; repeat",
    collectFile,
    [],
  )
  .option(
    "-s, --stream <name=file>",
    "an item of a stream that the device sends, for the current round; repeat",
    collectFile,
    [],
  )
  .option("--result <name>", "a file that the device reads after it has sent everything")
  .option("--shutdown", "then the device agrees to the end of the computation")
  .option(
    "--accept-restart <n>",
    "the device goes to isolate number n, although it has gone to one before",
    (text) => parseWhole(text, 2, MAX_RESTARTS + 1),
  )
  .option("-o, --output <file>", "where the flash page goes")
  .option("--header <file>", "where a C header with the page goes")
  .action(provisionAction);
/** The options of a demo. */
function withDemoOptions(demo: Command): Command {
  return demo
    .addOption(
      new Option("--scenario <name>", "what to compute")
        .choices(samples)
        .default("audio-event-triangulation"),
    )
    .option("--all", "run all scenarios in turn; the last line counts what passed")
    .addOption(
      new Option(
        "--isolate <kind>",
        `process, or ${emulatedForms}, an emulated microcontroller, ${hostsInWords}`,
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
      "port of the proxy attestation server; 0 takes any free one",
      (text) => parseWhole(text, 0, 65_535),
      addresses.mcuDemoProxyAttestationServer.port as number,
    )
    .option(
      "--server-port <n>",
      "port of the Veracruz server; 0 takes any free one",
      (text) => parseWhole(text, 0, 65_535),
      addresses.mcuDemoVeracruzServer.port as number,
    )
    .option("--no-devices", "start no devices: `run` starts them")
    .addOption(boardOption())
    .addOption(hostOption())
    .addOption(folderOption())
    .option(
      "--devices-folder <dir>",
      "where the devices' pages are, apart from the keys of everybody else (default: that of --folder)",
    )
    .option(
      "--wait <seconds>",
      "how long the controller waits for the devices",
      seconds(1, 100_000),
      120_000,
    )
    .option(
      "--generator <option...>",
      "options of the scenario's generator of data, as in --generator=--noise=0.02",
      [],
    );
}
withDemoOptions(command.command("demo"))
  .description(
    "start attestation, server, isolate and three emulated devices; compute a result and check it",
  )
  .action(demoAction);
withDemoOptions(command.command("prepare"))
  .description("build the images that `demo` needs with the same options")
  // What `run` has besides.
  .addOption(deviceOption())
  .action(prepareAction);
command
  .command("wait")
  .description(
    "wait for a demo's servers; print the process in whose network they are, and the demo's identifier",
  )
  .addOption(folderOption())
  .addOption(boardOption().hideHelp())
  .addOption(hostOption().hideHelp())
  .addOption(deviceOption().hideHelp())
  .option("--after <id>", "wait for a demo with another identifier")
  .option(
    "--healthy",
    "wait until the server answers and its isolate is attested; run this in the server's network",
  )
  .option("--wait <seconds>", "how long to wait", seconds(1, 100_000), 120_000)
  .action(waitAction);
command
  .command("run")
  .description(
    "run the devices of a demo that was started with --no-devices: emulated, or as processes",
  )
  .addOption(folderOption())
  .addOption(boardOption())
  .addOption(hostOption())
  .addOption(deviceOption())
  .option("--no-build", "run the images as they are, without building")
  .option("--posix", "run the client as processes of this computer, over its sockets")
  .option("--image <file>", "an ELF image of your own, on the emulated board, with --page")
  .option("--page <file>", "one client with this page, in any computation")
  .option(
    "--server <host:port>",
    "with --posix: the server, by name or address (default: the page's)",
    (text) => parseAddress(text),
  )
  .option("--next-round", "with --posix and --page: end the previous round first")
  .option(
    "--state",
    "with --posix and --page: print how far the computation is, and what is missing",
  )
  .option("--output <file>", "with --posix and --page: where the page's result goes, however long")
  .option("--wait <seconds>", "how long to wait for the server", seconds(1, 100_000), 120_000)
  .action(runAction);

command
  .command("new")
  .description("make a project of your own: a sample that builds with CMake and the Arm compiler")
  .argument("<folder>", "where it goes; its name is the project's")
  .addOption(boardOption())
  .action(newAction);
command
  .command("library")
  .description("make the archive of the client's library, which builds with CMake and a C compiler")
  .option("-o, --output <dir>", "where the archive goes", ".")
  .action(libraryAction);

await runCommand(command);
