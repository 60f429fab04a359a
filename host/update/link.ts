import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { CliError } from "../common/cli.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
  type MessageIn,
} from "../transport-protocol/index.js";
import { MAX_MANIFEST_BYTES, type Manifest, readManifest } from "./manifest.js";

/** Milliseconds within which a board must answer: it may have 4 MB to hash. */
const DEADLINE_MS = 120_000;
/** Most bytes of one step (`UPDATE_PIECE_MAX`). */
const PIECE_BYTES = 1024;

/** Steps of an update, `enum update_step` of `mcu-client/update/delivery.h`. */
export const Step = { BEGIN: 0, PART: 1, END: 2, START: 3, CONFIRM: 4, STATE: 5 } as const;
/** One of these numbers. */
export type Step = (typeof Step)[keyof typeof Step];

/** What becomes of a step, `enum update_outcome`, and what that means. */
export const outcomes = [
  ["done", "done"],
  ["malformed", "it is no manifest, or no statement, of the form that the board takes"],
  ["forged", "it is not signed by the key of the board's owner"],
  ["vendor", "it is for boards of another vendor"],
  ["class", "it is for another class of boards"],
  ["no-owner", "the board was provisioned without an owner: it takes no updates"],
  ["order", "it is not the time for this step"],
  [
    "old",
    "its sequence number is not greater than that of the confirmed images, or smaller than that of a candidate before it",
  ],
  [
    "spent",
    "images of this sequence number were rejected, or delivered too often: sign them with a greater one",
  ],
  ["size", "an image is larger than its slot"],
  ["digest", "the images are not those that the manifest names"],
  ["flash", "the board's flash does not take it"],
  ["unproven", "it is not the owner's statement that this board runs these images"],
] as const;
/** The name of an outcome. */
export type Outcome = (typeof outcomes)[number][0];

/** How far a candidate is, `enum candidate`. */
export const candidates = ["none", "arriving", "ready", "rejected"] as const;

/** Where a board stands: `struct update_state`. */
export interface UpdateState {
  readonly confirmedSequence: bigint;
  readonly candidateSequence: bigint;
  readonly runningSequence: bigint;
  readonly candidate: (typeof candidates)[number];
  /** Starts of the candidate. */
  readonly attempts: number;
  readonly deliveries: number;
  /** Whether what runs is a candidate. */
  readonly trial: boolean;
  /** Of the images' bytes: where they go on. */
  readonly next: number;
  /** Digest of the manifest of what runs. */
  readonly running: Uint8Array;
  /** 33 bytes. */
  readonly instanceId: Uint8Array;
}

function readState(bytes: Uint8Array): UpdateState {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    confirmedSequence: view.readBigUInt64LE(0),
    candidateSequence: view.readBigUInt64LE(8),
    runningSequence: view.readBigUInt64LE(16),
    candidate: candidates[view.readUInt8(24)] ?? "none",
    attempts: view.readUInt8(25),
    deliveries: view.readUInt8(26),
    trial: view.readUInt8(27) === 1,
    next: view.readUInt32LE(28),
    running: Uint8Array.from(view.subarray(32, 64)),
    instanceId: Uint8Array.from(view.subarray(64, 97)),
  };
}

/** A step that a board has refused. */
export class UpdateRefused extends CliError {
  override name = "UpdateRefused";

  constructor(
    readonly outcome: Outcome,
    explanation: string,
  ) {
    super(`the board refuses: ${explanation}`, 1);
  }
}

/** What was answered to a step. */
interface Answer {
  readonly outcome: Outcome;
  readonly explanation: string;
  readonly state: UpdateState;
}

/** The link to a board without a server, for updates and for proof of its key: one request after the other. */
export class BoardLink {
  readonly #reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
  readonly #answers: MessageIn<"isolateAnswer">[] = [];
  #wake: (() => void) | undefined;
  #ended: Error | undefined;
  #id = 0;

  /** @param stream the link on which the board listens for its server, the control key proven */
  constructor(readonly stream: Duplex) {
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of this.#reader.push(chunk))
          this.#answers.push(decodeMessage("isolateAnswer", message));
      } catch (error) {
        this.#end(error as Error);
      }
      this.#wake?.();
    });
    stream.once("error", (error) => this.#end(error));
    stream.once("close", () => this.#end(new Error("the board ended the connection")));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.stream.destroy();
    this.#wake?.();
  }

  close(): void {
    this.stream.destroy();
  }

  async #answer(id: number): Promise<MessageIn<"isolateAnswer">> {
    const timer = setTimeout(() => this.#end(new Error("the board does not answer")), DEADLINE_MS);
    try {
      for (;;) {
        const answer = this.#answers.shift();
        if (answer && "id" in answer && answer.id === id) return answer;
        if (answer) continue;
        if (this.#ended) throw new CliError(this.#ended.message, 1);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a step and waits for what becomes of it, whatever that is. @throws CliError when there is no answer */
  async ask(step: Step, offset = 0, bytes: Uint8Array = new Uint8Array(0)): Promise<Answer> {
    const id = ++this.#id;
    this.stream.write(frame(encodeMessage({ type: "update", id, step, offset, bytes })));
    const answer = await this.#answer(id);
    if (answer.type === "refused")
      throw new CliError(`the board takes no updates over its link: ${answer.text}`, 1);
    if (answer.type !== "updateIs")
      throw new CliError(`the board answers something else: ${answer.type}`, 1);
    const [outcome, explanation] = outcomes[answer.outcome] ?? outcomes[1];
    return { outcome, explanation, state: readState(answer.updateState) };
  }

  /** The same for a step that must succeed. @throws UpdateRefused */
  async step(step: Step, offset = 0, bytes?: Uint8Array): Promise<UpdateState> {
    const { outcome, explanation, state } = await this.ask(step, offset, bytes);
    if (outcome !== "done") throw new UpdateRefused(outcome, explanation);
    return state;
  }

  /** Where the board stands. */
  state(): Promise<UpdateState> {
    return this.step(Step.STATE);
  }

  /** Asks for the token by which the board proves that it holds its key. @param challenge 32 bytes */
  async prove(challenge: Uint8Array): Promise<Uint8Array> {
    const id = ++this.#id;
    this.stream.write(frame(encodeMessage({ type: "proveDevice", id, challenge })));
    const answer = await this.#answer(id);
    if (answer.type === "deviceProof") return answer.token;
    throw new CliError(
      answer.type === "refused" ? `the board refuses: ${answer.text}` : "the board gives no token",
      1,
    );
  }

  /**
   * Delivers images until they are whole in the board's other slot. One that is there already is not sent again.
   *
   * @param progress takes how many bytes of how many are sent
   * @throws UpdateRefused
   */
  async deliver(
    manifest: Uint8Array,
    images: readonly Uint8Array[],
    progress: (sent: number, total: number) => void = () => undefined,
  ): Promise<UpdateState> {
    const { sequence } = readManifest(manifest);
    const before = await this.state();
    if (before.candidate === "ready" && before.candidateSequence === sequence) return before;
    if (manifest.length > MAX_MANIFEST_BYTES) throw new CliError("the manifest is too long");
    await this.step(Step.BEGIN, 0, manifest);
    const total = images.reduce((sum, { length }) => sum + length, 0);
    let offset = 0;
    for (const image of images)
      for (let at = 0; at < image.length; at += PIECE_BYTES) {
        const piece = image.subarray(at, at + PIECE_BYTES);
        await this.step(Step.PART, offset, piece);
        offset += piece.length;
        progress(offset, total);
      }
    return this.step(Step.END);
  }

  /** Restarts the board, so that it tries the candidate: the connection ends by it. @throws UpdateRefused */
  async start(): Promise<void> {
    try {
      await this.step(Step.START);
    } catch (error) {
      if (error instanceof UpdateRefused || this.#ended === undefined) throw error;
    }
  }
}

/** Whether these images are those of a manifest, in its order. @throws CliError when not */
export function checkImages(manifest: Manifest, images: readonly Uint8Array[]): void {
  const { components } = manifest;
  if (images.length !== components.length)
    throw new CliError(
      `the manifest names ${components.length} images (${components.map(({ name }) => name).join(", ")}), ${images.length} are given`,
    );
  components.forEach(({ name, size, digest }, index) => {
    const image = images[index] as Uint8Array;
    const found = createHash("sha256").update(image).digest();
    if (image.length !== size || Buffer.compare(found, digest) !== 0)
      throw new CliError(`image ${index + 1} is not the one that the manifest names as ${name}`);
  });
}
