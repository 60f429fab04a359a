import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../common/folders.js";
import { type BoardOptions, RunningBoard } from "./emulator.js";
import { type EmulatedBoard, type Host, make, mcuBuildFolder } from "./toolchain.js";

/** What an operator enrols with `vc-pas enroll --from FILE`. */
export interface BoardEnrolment {
  readonly format: "veracruz-enrolment-v1";
  readonly grade: "development" | "production";
  readonly kind: "mcu";
  readonly label: string;
  readonly instanceId: string;
  readonly implementationId: string;
  readonly lifecycle: number;
  /** PEM. */
  readonly publicKey: string;
}

/** The line in which the firmware says who it is; nothing in it is secret. */
export interface BoardIdentity {
  readonly board: string;
  readonly lifecycle: number;
  /** 33 bytes, as are all below in hexadecimal. */
  readonly instanceId: string;
  /** Uncompressed P-256 point. */
  readonly publicKey: string;
  /** SHA-256 of the first stage. */
  readonly implementationId: string;
  /** SHA-256 of the image that runs. */
  readonly measurement: string;
}

const identityLine =
  /^identity board=(\S+) lifecycle=([0-9a-f]{8}) instance=([0-9a-f]{66}) key=(04[0-9a-f]{128}) implementation=([0-9a-f]{64}) measurement=([0-9a-f]{64})$/;

/** Reads the firmware's identity out of a line of its console; undefined for any other line. */
export function readIdentity(line: string): BoardIdentity | undefined {
  const match = identityLine.exec(line);
  if (!match) return undefined;
  const [, board = "", lifecycle = "", instanceId = "", publicKey = ""] = match;
  const [implementationId = "", measurement = ""] = match.slice(5);
  return {
    board,
    lifecycle: Number.parseInt(lifecycle, 16),
    instanceId,
    publicKey,
    implementationId,
    measurement,
  };
}

/** The enrolment of the board that has this identity. */
export function enrolmentOf(identity: BoardIdentity, label: string): BoardEnrolment {
  const point = Buffer.from(identity.publicKey, "hex");
  const key = createPublicKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      x: point.subarray(1, 33).toString("base64url"),
      y: point.subarray(33).toString("base64url"),
    },
  });
  return {
    format: "veracruz-enrolment-v1",
    grade: (identity.lifecycle & 0xff00) === 0x3000 ? "production" : "development",
    kind: "mcu",
    label,
    instanceId: identity.instanceId,
    implementationId: identity.implementationId,
    lifecycle: identity.lifecycle,
    publicKey: key.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** Variants of the images, for the bench. */
export interface Variant {
  /** Prints instruction counts (`mcu-client/isolate/trace.h`). */
  readonly trace?: boolean;
  /** Gives the runtime the least memory that it gets along with. */
  readonly small?: boolean;
}

/** Paths of the images of an isolate: the first stage, and what it starts (as ELF and as in flash). */
export function isolateImages(
  board: string,
  host: Host,
  { trace = false, small = false }: Variant = {},
): { boot: string; elf: string; main: string } {
  const traced = trace ? "-trace" : "";
  const folder = join(mcuBuildFolder, board, `isolate-${host}${small ? "-small" : ""}${traced}`);
  return {
    boot: join(mcuBuildFolder, board, `boot${traced}`, "boot.elf"),
    elf: join(folder, "isolate.elf"),
    main: join(folder, "isolate.bin"),
  };
}

/** Builds the first stage and the isolate where they are not up to date. */
export async function buildIsolate(
  board: string,
  host: Host,
  { trace = false, small = false }: Variant = {},
): Promise<void> {
  const variables = {
    BOARD: board,
    HOST: host,
    ...(trace ? { TRACE: "1" } : {}),
    ...(small ? { MEMORY: "small" } : {}),
  };
  await make({ ...variables, IMAGE: "boot" });
  await make({ ...variables, IMAGE: "isolate" });
}

/** SHA-256 of the isolate's image, in hexadecimal: what the first stage measures. */
export function isolateMeasurement(board: string, host: Host): string {
  return createHash("sha256")
    .update(readFileSync(isolateImages(board, host).main))
    .digest("hex");
}

export interface EmulatedIsolateOptions
  extends Pick<BoardOptions, "port" | "host" | "console" | "started" | "exact" | "serialTerminal"> {
  readonly board: EmulatedBoard;
  /** How the trusted runtime is hosted. Default: wasm3. */
  readonly runtimeHost?: Host;
  /** File that stands for the board's secret storage; made at first start. Without commas or spaces. */
  readonly state: string;
  /** Another image in the place of the isolate's, for tests. */
  readonly main?: string;
  /** Whether to build what is not up to date first. Default: yes. */
  readonly build?: boolean;
  readonly variant?: Variant;
}

/** The isolate on an emulated board, ready to be connected to. */
export class EmulatedIsolate {
  private constructor(
    readonly board: RunningBoard,
    readonly identity: BoardIdentity,
  ) {}

  /**
   * Builds the isolate, starts the emulator and waits until the board has an address.
   *
   * @throws Error with the console's output when the firmware does not start
   */
  static async start(options: EmulatedIsolateOptions): Promise<EmulatedIsolate> {
    const { board, runtimeHost = "wasm3", state, main, build = true, variant, ...rest } = options;
    if (/[, ]/.test(state)) throw new Error(`the path ${state} has a comma or a space in it`);
    if (build) await buildIsolate(board, runtimeHost, variant);
    makeFolder(dirname(state), 0o700);
    const images = isolateImages(board, runtimeHost, variant);
    const running = await RunningBoard.start({
      ...rest,
      board,
      image: images.boot,
      main: main ?? images.main,
      commandLine: `state=${state}`,
    });
    try {
      const { input: line = "" } = await running.line(/^identity /);
      await running.line(/^network: /);
      const identity = readIdentity(line);
      if (!identity) throw new Error("the identity cannot be read");
      return new EmulatedIsolate(running, identity);
    } catch (error) {
      await running.close();
      throw error;
    }
  }

  get address(): { host: string; port: number } {
    return { host: this.board.host, port: this.board.port };
  }

  enrolment(label = `emulated ${this.identity.board}`): BoardEnrolment {
    return enrolmentOf(this.identity, label);
  }

  /** Ends the emulator at once. */
  close(): Promise<void> {
    return this.board.close();
  }
}
