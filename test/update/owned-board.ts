// Emulated boards that have an owner: provisioned with the isolate's images as its first version, reached over one of
// their links. For the tests of updates.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { EmulatedIsolate, isolateImages, readIdentity } from "../../host/mcu/emulated-isolate.js";
import { SerialLink } from "../../host/mcu/serial-link.js";
import { provisionedFlash, slotLayout, updateFiles } from "../../host/mcu/slot-flash.js";
import type { EmulatedBoard, Host } from "../../host/mcu/toolchain.js";
import { classIdentifier, vendorIdentifier } from "../../host/update/identifiers.js";
import { BoardLink, Step, UpdateRefused } from "../../host/update/link.js";
import { describeImages, signManifest } from "../../host/update/manifest.js";
import { ownerPage } from "../../host/update/owner.js";

/** Which board, and how it is reached. */
export interface Kind {
  readonly board: EmulatedBoard;
  readonly runtimeHost: Host;
  readonly over: "tcp" | "serial";
}

/** Images with their manifest. */
export interface Version {
  readonly sequence: bigint;
  readonly images: readonly Uint8Array[];
  readonly manifest: Uint8Array;
  /** Of the first image, in hexadecimal. */
  readonly measurement: string;
}

/** Milliseconds within which a board that restarts by itself has its address again. */
const RESTART_MS = 180_000;

/** What an owner can do with boards of one kind; the isolate is built. */
export class OwnedBoards {
  readonly privateKey: KeyObject;
  readonly owner: {
    readonly key: KeyObject;
    readonly vendor: Uint8Array;
    readonly class: Uint8Array;
  };

  /** @param folder where the boards' state goes */
  constructor(
    readonly kind: Kind,
    readonly folder: string,
  ) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const vendor = vendorIdentifier("example.com");
    this.privateKey = privateKey;
    this.owner = { key: publicKey, vendor, class: classIdentifier(vendor, kind.board) };
  }

  /** The isolate's images with another last letter of the version in them: what an update may be. */
  version(sequence: bigint, label: "a" | "b" | "c"): Version {
    const { version: released } = JSON.parse(
      readFileSync(join(projectRoot, "package.json"), "utf8"),
    );
    const built = isolateImages(this.kind.board, this.kind.runtimeHost);
    const main = readFileSync(built.main);
    const at = main.indexOf(`${released}\0`, 0, "latin1");
    assert.ok(at > 0, "the image says its version");
    main.write(label, at + released.length - 1, "latin1");
    const images = [main, ...(built.outside === undefined ? [] : [readFileSync(built.outside)])];
    const components = describeImages(images);
    const manifest = signManifest({ ...this.owner, sequence, components }, this.privateKey);
    const measurement = Buffer.from(components[0]?.digest ?? []).toString("hex");
    return { sequence, images, manifest, measurement };
  }

  /** A new board that starts a version. @returns path of its state */
  provision(name: string, { manifest, images }: Version): string {
    const state = join(this.folder, name);
    const files = updateFiles(state);
    writeFileSync(files.flash, provisionedFlash(slotLayout(this.kind.board), manifest, images));
    writeFileSync(files.owner, ownerPage(this.owner));
    return state;
  }

  /** Starts a board, and cuts its power at the end. */
  async withBoard<T>(
    state: string,
    use: (isolate: EmulatedIsolate) => Promise<T>,
    debugSocket?: string,
  ): Promise<T> {
    const { board, runtimeHost } = this.kind;
    const isolate = await EmulatedIsolate.start({
      board,
      runtimeHost,
      state,
      build: false,
      ...(debugSocket === undefined ? {} : { debugSocket }),
    });
    try {
      return await use(isolate);
    } finally {
      await isolate.close();
    }
  }

  /** Connects to a board over the link of its kind. */
  async withLink<T>(isolate: EmulatedIsolate, use: (link: BoardLink) => Promise<T>): Promise<T> {
    const { over } = this.kind;
    const socket =
      over === "tcp"
        ? connect({ ...isolate.address, noDelay: true })
        : connect({ path: isolate.board.serialSocket });
    await once(socket, "connect");
    let stream: typeof socket | SerialLink = socket;
    if (over === "serial") {
      stream = new SerialLink(socket);
      await once(stream, "connect");
    }
    const link = new BoardLink(stream);
    try {
      return await use(link);
    } finally {
      link.close();
    }
  }
}

/** What the board runs once it has restarted by itself, as it says on its console. */
export async function identityAfterRestart(isolate: EmulatedIsolate, measurement: string) {
  const { input = "" } = await isolate.board.line(
    new RegExp(`^identity .* measurement=${measurement}`),
  );
  const identity = readIdentity(input);
  assert.ok(identity);
  const addresses = () => isolate.board.output.match(/^network: /gm)?.length ?? 0;
  for (const end = Date.now() + RESTART_MS; addresses() < 2; ) {
    assert.ok(Date.now() < end, isolate.board.output);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return identity;
}

/** What the device's key looks like in its enrolment. */
export const enrolmentFile = (isolate: EmulatedIsolate) => ({
  instanceId: isolate.identity.instanceId,
  publicKey: isolate.enrolment().publicKey,
});

/** Sends pieces of the images, all or some. */
export async function parts(link: BoardLink, { images }: Version, most = Infinity): Promise<void> {
  let offset = 0;
  let sent = 0;
  for (const image of images)
    for (let at = 0; at < image.length && sent < most; at += 1024, sent++) {
      const piece = image.subarray(at, at + 1024);
      await link.step(Step.PART, offset, piece);
      offset += piece.length;
    }
}

/** Waits for a step that the board must refuse. */
export async function refused(step: Promise<unknown>, outcome: string): Promise<void> {
  try {
    await step;
  } catch (error) {
    assert.instance(error, UpdateRefused, (error as Error).message);
    assert.is((error as UpdateRefused).outcome, outcome);
    return;
  }
  assert.unreachable(`the board takes what it must refuse: ${outcome}`);
}
