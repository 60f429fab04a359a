import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readControlKeyFile } from "../isolate/control-key.js";
import { ENROLMENT_FORMAT } from "../psa-attestation/root-of-trust.js";
import { provisionBoard } from "./board-state.js";
import { type BoardOptions, RunningBoard } from "./emulator.js";
import { findUpdateFiles } from "./slot-flash.js";
import {
  defaultRuntimeHost,
  type EmulatedBoard,
  type Host,
  hasTwoWorlds,
  make,
  mcuBuildFolder,
} from "./toolchain.js";

/** What an operator enrols with `vc-pas enroll --from FILE`. */
export interface BoardEnrolment {
  readonly format: typeof ENROLMENT_FORMAT;
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
  /** SHA-256 of the image that runs: where there are two worlds, of the secure one. */
  readonly measurement: string;
  /** SHA-256 of the non-secure image, where there is one. */
  readonly outside?: string;
}

const identityLine =
  /^identity board=(\S+) lifecycle=([0-9a-f]{8}) instance=([0-9a-f]{66}) key=(04[0-9a-f]{128}) implementation=([0-9a-f]{64}) measurement=([0-9a-f]{64})(?: outside=([0-9a-f]{64}))?$/;

/** Reads the firmware's identity out of a line of its console; undefined for any other line. */
export function readIdentity(line: string): BoardIdentity | undefined {
  const match = identityLine.exec(line);
  if (!match) return undefined;
  const [, board = "", lifecycle = "", instanceId = "", publicKey = ""] = match;
  const [implementationId = "", measurement = "", outside] = match.slice(5);
  return {
    board,
    lifecycle: Number.parseInt(lifecycle, 16),
    instanceId,
    publicKey,
    implementationId,
    measurement,
    ...(outside === undefined ? {} : { outside }),
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
    format: ENROLMENT_FORMAT,
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
  /** Prints instruction counts (`mcu-client/common/trace.h`). */
  readonly trace?: boolean;
  /** Gives the runtime the least memory that it gets along with. */
  readonly small?: boolean;
  /** Has the outside send messages back (`mcu-client/images/outside/carry.c`). */
  readonly carry?: boolean;
  /** On a board with two worlds: one image instead, all of it secure, which polls the links while a program runs. */
  readonly oneWorld?: boolean;
}

/**
 * Paths of the images of an isolate: the first stage, and what it starts (as ELF and as in flash). `outside` is
 * the non-secure image (as in flash), where there is one.
 */
export function isolateImages(
  board: string,
  host: Host,
  { trace = false, small = false, carry = false, oneWorld = false }: Variant = {},
): { boot: string; elf: string; main: string; outside?: string } {
  const traced = trace ? "-trace" : "";
  const boardFolder = join(mcuBuildFolder, oneWorld ? oneWorldFolder(board) : board);
  const folder = join(boardFolder, `isolate-${host}${small ? "-small" : ""}${traced}`);
  return {
    boot: join(boardFolder, `boot${traced}`, "boot.elf"),
    elf: join(folder, "isolate.elf"),
    main: join(folder, "isolate.bin"),
    ...(hasTwoWorlds(board) && !oneWorld
      ? { outside: join(`${folder}${carry ? "-carry" : ""}`, "outside.bin") }
      : {}),
  };
}

/** Nothing of what is built for one world is good for two. */
function oneWorldFolder(board: string): string {
  return `${board}-one-world`;
}

/** Builds the first stage and the isolate if they are not up to date. */
export async function buildIsolate(
  board: string,
  host: Host,
  { trace = false, small = false, carry = false, oneWorld = false }: Variant = {},
): Promise<void> {
  const variables = {
    BOARD: board,
    HOST: host,
    ...(trace ? { TRACE: "1" } : {}),
    ...(small ? { MEMORY: "small" } : {}),
    ...(carry ? { CARRY: "1" } : {}),
    // The view of memory that compiled programs have goes with the core, which is not in that image.
    ...(oneWorld
      ? { ONE_WORLD: "1", JIT: "", BOARD_OUT: join(mcuBuildFolder, oneWorldFolder(board)) }
      : {}),
  };
  await make({ ...variables, IMAGE: "boot" });
  await make({ ...variables, IMAGE: "isolate" });
  if (hasTwoWorlds(board) && !oneWorld) await make({ ...variables, IMAGE: "outside" });
}

/** SHA-256 of the isolate's image, in hexadecimal: what the first stage measures. */
export function isolateMeasurement(board: string, host: Host): string {
  return createHash("sha256")
    .update(readFileSync(isolateImages(board, host).main))
    .digest("hex");
}

/** Which board is emulated, and with what firmware. */
export interface EmulatedIsolateOptions
  extends Pick<
    BoardOptions,
    | "port"
    | "host"
    | "console"
    | "started"
    | "exact"
    | "paceShift"
    | "serialTerminal"
    | "monitorSocket"
    | "debugSocket"
  > {
  readonly board: EmulatedBoard;
  /** How the trusted runtime is hosted. Default: `defaultRuntimeHost`. */
  readonly runtimeHost?: Host;
  /** File that stands for the board's secret storage; made at first start. Without commas. */
  readonly state: string;
  /** File with the control key that a server must prove; left out: any server that connects is trusted. */
  readonly controlKeyFile?: string;
  /** Another image in the place of the isolate's, for tests. */
  readonly main?: string;
  /** The same for the non-secure image. */
  readonly outside?: string;
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
    const { board, runtimeHost = defaultRuntimeHost, state, ...others } = options;
    const { main, build = true, variant, controlKeyFile, ...rest } = others;
    if (state.includes(",")) throw new Error(`the path ${state} has a comma in it`);
    if (build) await buildIsolate(board, runtimeHost, variant);
    provisionBoard(state);
    const images = isolateImages(board, runtimeHost, variant);
    // A board that has an owner starts what is in its slots.
    const updates = findUpdateFiles(state);
    const outside = updates === undefined ? (rest.outside ?? images.outside) : undefined;
    const running = await RunningBoard.start({
      ...rest,
      board,
      image: images.boot,
      ...(updates === undefined ? { main: main ?? images.main } : { updates }),
      ...(outside === undefined ? {} : { outside }),
      state,
      control:
        controlKeyFile === undefined
          ? "trust-network"
          : { key: readControlKeyFile(controlKeyFile) },
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
