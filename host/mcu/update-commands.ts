import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { type Command, Option } from "commander";
import { addresses, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, readUserText, writeUserFile } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { proveControlKey, readControlKeyFile } from "../isolate/control-key.js";
import { confirmUpdate, type EnrolledDevice } from "../update/confirm.js";
import { classIdentifier, vendorIdentifier } from "../update/identifiers.js";
import { BoardLink, checkImages, type UpdateState } from "../update/link.js";
import { describeImages, type Manifest, readManifest, signManifest } from "../update/manifest.js";
import { ownerPage, parseOwnerPublicKey, readOwnerKeyFile } from "../update/owner.js";
import { boardNames, checkEmulatedBoard } from "./boards.js";
import { serialIsolate } from "./isolate-launchers.js";
import { provisionedFlash, slotLayout, updateFiles } from "./slot-flash.js";
import { mcuBuildFolder } from "./toolchain.js";

const collect = (path: string, before: string[]) => [...before, path];
const imageOption = (what: string) =>
  new Option("--image <file>", `${what}; where there are two worlds first the secure one`)
    .argParser((path: string, before: string[] | undefined) => collect(path, before ?? []))
    .makeOptionMandatory();
const manifestOption = () =>
  new Option(
    "--manifest <file>",
    "the manifest, as vc-mcu sign-update wrote it",
  ).makeOptionMandatory();

interface LinkOptions {
  to: { host: string; port: number };
  serial?: string;
  controlKey?: string;
}

function withLink(command: Command): Command {
  return command
    .option("--to <host:port>", "the board's link", (text) => parseAddress(text), addresses.isolate)
    .option("--serial <device>", "instead: its serial link, as in /dev/ttyUSB0")
    .option("--control-key <file>", "the key that the board demands of its server");
}

/** Does something over a board's link. A board has one server at a time: vc-server must not be connected. */
async function overLink<T>(
  { to, serial, controlKey }: LinkOptions,
  use: (link: BoardLink) => Promise<T>,
): Promise<T> {
  const key = controlKey === undefined ? undefined : readControlKeyFile(controlKey);
  let stream: Duplex;
  let stop = async () => {};
  try {
    if (serial !== undefined) {
      const started = await serialIsolate(serial, key).start(() => undefined);
      stream = started.stream;
      stop = async () => void (await started.stop());
    } else {
      stream = connect({ ...to, noDelay: true });
      if (key !== undefined) await proveControlKey(stream, key);
    }
  } catch (error) {
    throw new CliError((error as Error).message, 1);
  }
  const link = new BoardLink(stream);
  try {
    return await use(link);
  } finally {
    link.close();
    await stop();
  }
}

const readImages = (paths: readonly string[]) => paths.map((path) => readUserFile(path, "image"));

interface SignOptions {
  image: string[];
  ownerKey: string;
  vendor: string;
  class: string;
  sequence: string;
  output: string;
}

/** A sequence number of a manifest. @throws CliError */
function parseSequence(text: string): bigint {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 1n << 64n)
    throw new CliError("the sequence number is not a whole number below 2^64");
  return BigInt(text);
}

function signAction(options: SignOptions): void {
  const vendor = vendorIdentifier(options.vendor);
  const components = describeImages(readImages(options.image));
  const sequence = parseSequence(options.sequence);
  const manifest = signManifest(
    { vendor, class: classIdentifier(vendor, options.class), sequence, components },
    readOwnerKeyFile(options.ownerKey),
  );
  writeUserFile(options.output, "manifest", manifest);
  console.log(
    `wrote ${options.output}: sequence number ${sequence}, for ${options.class} of ${options.vendor}`,
  );
  for (const { name, size, digest } of components)
    console.log(`${name.padEnd(12)} ${Buffer.from(digest).toString("hex")}, ${size} bytes`);
}

interface OwnOptions {
  board: string;
  state?: string;
  ownerKey: string;
  vendor: string;
  class?: string;
  manifest: string;
  image: string[];
}

function ownAction(options: OwnOptions): void {
  const board = checkEmulatedBoard(options.board);
  const key = parseOwnerPublicKey(readUserText(options.ownerKey, "owner's key"));
  const vendor = vendorIdentifier(options.vendor);
  const owner = { key, vendor, class: classIdentifier(vendor, options.class ?? board) };
  const bytes = readUserFile(options.manifest, "manifest");
  const manifest = readManifest(bytes, key);
  const images = readImages(options.image);
  checkImages(manifest, images);
  if (
    Buffer.compare(manifest.vendor, vendor) !== 0 ||
    Buffer.compare(manifest.class, owner.class) !== 0
  )
    throw new CliError("the manifest is for another vendor or class: the board would not start");
  const state = resolve(options.state ?? join(mcuBuildFolder, "state", board));
  const files = updateFiles(state);
  for (const path of Object.values(files))
    if (existsSync(path))
      throw new CliError(
        `${path} is there: the board has an owner; a new board has another --state`,
      );
  makeFolder(join(state, ".."), 0o700);
  writeFileSync(files.flash, provisionedFlash(slotLayout(board), bytes, images), { mode: 0o600 });
  writeFileSync(files.owner, ownerPage(owner), { mode: 0o600 });
  console.log(
    `wrote ${files.owner} and ${files.flash}: the board starts what its owner signs, from now on`,
  );
}

const describe = (
  state: UpdateState,
): string => `runs         ${state.runningSequence}${state.trial ? ", on trial" : ""}
confirmed    ${state.confirmedSequence}
candidate    ${state.candidate === "none" ? "none" : `${state.candidateSequence}, ${state.candidate}, ${state.attempts} starts, ${state.deliveries} deliveries`}`;

interface UpdateOptions extends LinkOptions {
  manifest: string;
  image: string[];
  start: boolean;
}

function readGivenManifest(path: string): { bytes: Uint8Array; manifest: Manifest } {
  const bytes = readUserFile(path, "manifest");
  return { bytes, manifest: readManifest(bytes) };
}

async function updateAction(options: UpdateOptions): Promise<void> {
  const { bytes, manifest } = readGivenManifest(options.manifest);
  const images = readImages(options.image);
  checkImages(manifest, images);
  await overLink(options, async (link) => {
    const shown = process.stderr.isTTY
      ? (sent: number, total: number) =>
          process.stderr.write(`\r${sent} of ${total} bytes${sent === total ? "\n" : ""}`)
      : undefined;
    await link.deliver(bytes, images, shown);
    console.log(`the board holds the images of sequence number ${manifest.sequence}`);
    if (!options.start) return;
    await link.start();
    console.log("it restarts, and tries them; confirm them with vc-mcu confirm, or it goes back");
  });
}

interface ConfirmOptions extends LinkOptions {
  manifest: string;
  ownerKey: string;
  enrolment: string;
}

async function confirmAction(options: ConfirmOptions): Promise<void> {
  const { manifest } = readGivenManifest(options.manifest);
  const key = readOwnerKeyFile(options.ownerKey);
  let device: EnrolledDevice;
  try {
    device = JSON.parse(readUserText(options.enrolment, "enrolment file")) as EnrolledDevice;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`the enrolment file ${JSON.stringify(options.enrolment)} is not JSON`);
  }
  if (typeof device.publicKey !== "string" || typeof device.instanceId !== "string")
    throw new CliError("the enrolment file has no publicKey or no instanceId");
  await overLink(options, (link) => confirmUpdate(link, manifest, device, key));
  console.log(`confirmed: the board stays with sequence number ${manifest.sequence}`);
}

const ownerKeyOption = () =>
  new Option(
    "--owner-key <file>",
    "the owner's private key: P-256, PEM, in a file of mode 600",
  ).makeOptionMandatory();

/** Adds the commands for updates to `vc-mcu`. */
export function addUpdateCommands(command: Command): void {
  command
    .command("sign-update")
    .description("sign a manifest of images: an update, or what a board is provisioned with")
    .addOption(imageOption("image as it lies in flash"))
    .addOption(ownerKeyOption())
    .requiredOption(
      "--vendor <domain>",
      "domain name of the vendor, as the boards were provisioned",
    )
    .requiredOption(
      "--class <name>",
      "class of boards, as these were provisioned: the board's name, as a rule",
    )
    .requiredOption("--sequence <number>", "greater than that of any manifest before")
    .option("-o, --output <file>", "where the manifest goes", "update.suit")
    .addHelpText(
      "after",
      "\nMakes a key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out owner.pem",
    )
    .action(signAction);
  command
    .command("own")
    .description(
      "give an emulated board an owner: it starts from then on what the owner has signed, and takes updates",
    )
    .addOption(
      new Option("--board <name>", `one of ${boardNames().join(", ")}`).default("mps2-an505"),
    )
    .option(
      "--state <file>",
      "the board's state (default: build/mcu/state/BOARD); two files beside it are made",
    )
    .requiredOption("--owner-key <file>", "the owner's public key: P-256, PEM")
    .requiredOption("--vendor <domain>", "domain name of the vendor")
    .option("--class <name>", "class of boards (default: the board's name)")
    .addOption(manifestOption())
    .addOption(imageOption("image that the manifest names"))
    .action(ownAction);
  withLink(command.command("update"))
    .description("deliver an update over a board's link, while the board runs, and restart it")
    .addOption(manifestOption())
    .addOption(imageOption("image that the manifest names"))
    .option("--no-start", "leave the restart to somebody else")
    .addHelpText(
      "after",
      "\nThe board has one server at a time: stop vc-server first. A computation ends with the restart.",
    )
    .action(updateAction);
  withLink(command.command("confirm"))
    .description(
      "have a board attest that it runs an update, and confirm it then with the owner's key",
    )
    .addOption(manifestOption())
    .addOption(ownerKeyOption())
    .requiredOption(
      "--enrolment <file>",
      "the board's enrolment with these images (vc-mcu provision)",
    )
    .action(confirmAction);
  withLink(command.command("update-state"))
    .description("show which images a board runs, has confirmed, and holds as a candidate")
    .action(async (options: LinkOptions) =>
      console.log(describe(await overLink(options, (link) => link.state()))),
    );
}
