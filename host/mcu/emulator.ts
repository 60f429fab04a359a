import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../common/free-port.js";
import { type ControlChoice, controlPage } from "./control-page.js";
import type { UpdateFiles } from "./slot-flash.js";
import type { EmulatedBoard } from "./toolchain.js";

/** What the emulator gives a client in two worlds in place of semihosting; paths without commas. */
export interface ClientFiles {
  /** The time of day (`clockPage`), which it loads at each reset; left out: the device cannot tell it. */
  readonly clock?: string;
  /** Stands for the flash in which the client keeps its record (`recordFlash`); left out: there is none. */
  readonly record?: string;
}

/** Where a client in two worlds finds the time of day (`BOARD_CLOCK` in the board's board-config.h). */
const CLOCK_ADDRESS = "0x101eff00";

/** The time of day as it lies there (`mcu-client/boards/mps2-an505/client-inside.c`): now. */
export function clockPage(): Buffer {
  const page = Buffer.from("VCCLOCK1........");
  page.writeBigUInt64LE(BigInt(Math.floor(Date.now() / 1000)), 8);
  return page;
}

/** Bytes of the machine's RAM that stands for flash. */
const SLOT_FLASH_BYTES = 16 * 1024 * 1024;

/** Makes the file of a client's record, erased, where it is not there. */
export function makeRecordFlash(path: string, erased: Uint8Array): void {
  if (existsSync(path)) return;
  writeFileSync(path, Buffer.concat([erased, Buffer.from("VECR")]), { mode: 0o600 });
  truncateSync(path, SLOT_FLASH_BYTES);
}

/** What QEMU is started with. */
export interface EmulatorOptions {
  readonly board: EmulatedBoard;
  /** Path of the image, an ELF file: it runs first. */
  readonly image: string;
  /** Path of the raw bytes that the first stage measures and starts, where `image` is one. */
  readonly main?: string;
  /** Path of the raw bytes of the non-secure image, on a board with two worlds. */
  readonly outside?: string;
  /** What firmware for development reads by semihosting; without commas. */
  readonly commandLine?: string;
  /**
   * Path of an isolate's state (`provisionBoard`), without commas: the emulator loads it at each reset. An isolate
   * has no semihosting, and takes entropy from this computer's `/dev/urandom` on its third UART.
   */
  readonly state?: string;
  /** A client in two worlds: `outside` is there. It has no semihosting either. */
  readonly client?: ClientFiles;
  /** Path of the page about the board's server (`controlPage`), which the emulator loads into flash. */
  readonly controlPage?: string;
  /** Where the board takes updates: its owner's page, and the file that stands for the flash of its images. */
  readonly updates?: UpdateFiles;
  /** Path of a Unix socket on which QEMU serves a debugger; the board waits for it. */
  readonly debugSocket?: string;
  /** One instruction takes one nanosecond of guest time: counts are exact, links are slow. */
  readonly exact?: boolean;
  /** With `exact`: an instruction takes 2 to the power of this many nanoseconds instead. */
  readonly paceShift?: number;
  /** QEMU's option for the board's Ethernet; default: no network. */
  readonly network?: string;
  /** Path of a Unix socket on which the board's second UART, the serial link, is served. */
  readonly serialSocket?: string;
  /** Path of a Unix socket on which QEMU serves its machine protocol. */
  readonly monitorSocket?: string;
  /** Whether the serial link is a pseudo-terminal instead; QEMU prints its path. */
  readonly serialTerminal?: boolean;
}

/** Where the image that the first stage starts lies (`MAIN` in the board's memory.ld). */
const mainAddress: Readonly<Record<EmulatedBoard, string>> = {
  "mps2-an385": "0x8000",
  "mps2-an386": "0x8000",
  "mps2-an500": "0x8000",
  "mps2-an505": "0x10008000",
};

/** Where the non-secure image lies, as the first stage sees it (`__outside_start` in worlds.ld). */
const OUTSIDE_ADDRESS = "0x10200000";

/** Where the first stage finds the board's state (`__boot_record` in the board's linker script). */
const stateAddress: Readonly<Record<EmulatedBoard, string>> = {
  "mps2-an385": "0x203ffc00",
  "mps2-an386": "0x203ffc00",
  "mps2-an500": "0x203ffc00",
  "mps2-an505": "0x381ffc00",
};

/** Where the page about the server lies (`BOARD_CONTROL_PAGE` in the board's board-config.h). */
const controlAddress: Readonly<Record<EmulatedBoard, string>> = {
  "mps2-an385": "0x3ff000",
  "mps2-an386": "0x3ff000",
  "mps2-an500": "0x3ff000",
  "mps2-an505": "0x103ff000",
};

/** Where the owner's page lies (`BOARD_OWNER_PAGE` in the board's board-config.h). */
const ownerAddress: Readonly<Record<EmulatedBoard, string>> = {
  "mps2-an385": "0x3fe000",
  "mps2-an386": "0x3fe000",
  "mps2-an500": "0x3fe000",
  "mps2-an505": "0x101ff000",
};

/** The machine's RAM for flash (`BOARD_SLOT_FLASH`) is a file: what was written there outlives the emulator. */
function slotFlash({ updates, client }: EmulatorOptions): string | undefined {
  return updates?.flash ?? client?.record;
}

function updateArguments(options: EmulatorOptions): string[] {
  const { board, updates } = options;
  const flash = slotFlash(options);
  if (flash === undefined) return [];
  return [
    "-object",
    `memory-backend-file,id=slots,mem-path=${flash},size=${SLOT_FLASH_BYTES},share=on`,
    ...(updates
      ? ["-device", `loader,file=${updates.owner},addr=${ownerAddress[board]},force-raw=on`]
      : []),
  ];
}

/** Without semihosting: entropy is what the third UART brings. */
const entropyArguments = [
  ...["-chardev", "serial,id=entropy,path=/dev/urandom", "-serial", "chardev:entropy"],
];

function hostArguments(options: EmulatorOptions): string[] {
  const { board, commandLine, state, controlPage, client } = options;
  if (client !== undefined)
    return [
      ...entropyArguments,
      ...(client.clock
        ? ["-device", `loader,file=${client.clock},addr=${CLOCK_ADDRESS},force-raw=on`]
        : []),
    ];
  if (state !== undefined)
    return [
      ...entropyArguments,
      ...["-device", `loader,file=${state},addr=${stateAddress[board]},force-raw=on`],
      ...(controlPage
        ? ["-device", `loader,file=${controlPage},addr=${controlAddress[board]},force-raw=on`]
        : []),
    ];
  const semihosting = ["enable=on", "target=native"];
  if (commandLine !== undefined) semihosting.push(`arg=${commandLine}`);
  return ["-semihosting-config", semihosting.join(",")];
}

/** The code that an isolate, or a client in two worlds, has ended with, if it prints that in this line (mcu-client/boards/mps2/end.c). */
export function endCode(line: string): number | undefined {
  const [, code] = /^end (-?\d+)$/.exec(line) ?? [];
  return code === undefined ? undefined : Number(code) & 0xff;
}

/** QEMU's arguments to run an image without a window, its console on standard output. */
export function emulatorArguments(options: EmulatorOptions): string[] {
  const { serialSocket, serialTerminal } = options;
  return [
    ...[
      "-machine",
      `${options.board}${slotFlash(options) === undefined ? "" : ",memory-backend=slots"}`,
      "-nic",
      options.network ?? "none",
    ],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio"],
    ...[
      "-serial",
      serialTerminal ? "pty" : serialSocket ? `unix:${serialSocket},server=on,wait=off` : "null",
    ],
    ...hostArguments(options),
    ...updateArguments(options),
    ...(options.debugSocket
      ? [
          "-chardev",
          `socket,id=gdb,path=${options.debugSocket},server=on,wait=off`,
          "-gdb",
          "chardev:gdb",
          "-S",
        ]
      : []),
    ...(options.monitorSocket ? ["-qmp", `unix:${options.monitorSocket},server=on,wait=off`] : []),
    ...(options.exact ? ["-icount", `shift=${options.paceShift ?? 0}`] : []),
    ...["-kernel", options.image],
    ...(options.main
      ? ["-device", `loader,file=${options.main},addr=${mainAddress[options.board]}`]
      : []),
    ...(options.outside
      ? ["-device", `loader,file=${options.outside},addr=${OUTSIDE_ADDRESS}`]
      : []),
  ];
}

/** How an emulator ended, in words, by its exit code (-1 when it was killed). */
export function endOf(code: number): string {
  return code < 0 ? "the emulator was killed" : `the emulator ended with code ${code}`;
}

/** The same, for a board that goes on until it is stopped. */
export interface BoardOptions
  extends Pick<
    EmulatorOptions,
    | "board"
    | "image"
    | "main"
    | "outside"
    | "state"
    | "updates"
    | "monitorSocket"
    | "debugSocket"
    | "paceShift"
  > {
  /** What the board knows of its server; left out: nothing, and it takes none. */
  readonly control?: ControlChoice;
  /** Port of the computer from which TCP 6000 of the board is reached; default: any free one. */
  readonly port?: number;
  /** Address that the port is opened on; default: 127.0.0.1. */
  readonly host?: string;
  /** Takes each line that the firmware prints. */
  readonly console?: (line: string) => void;
  /** Takes the emulator's process id, once it runs. */
  readonly started?: (pid: number) => void;
  readonly exact?: boolean;
  /** Whether the serial link is a terminal device, see `serialDevice`, and not a socket. */
  readonly serialTerminal?: boolean;
}

/** The port inside of the board that `port` leads to. */
const ISOLATE_PORT = 6000;

/** A board that runs under QEMU, its TCP port 6000 and its serial link reachable from this computer. */
export class RunningBoard {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #lines: string[] = [];
  #wake: (() => void)[] = [];
  #partialLine = "";
  /** Resolves with QEMU's exit code once the firmware has ended, or -1 when it was killed. */
  readonly ended: Promise<number>;
  #running = true;
  #code: number | undefined;

  private constructor(
    options: BoardOptions,
    readonly host: string,
    /** Port of this computer that leads to TCP 6000 of the board. */
    readonly port: number,
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), "mcu-"));
    const {
      board,
      image,
      main,
      outside,
      state,
      control,
      exact = false,
      serialTerminal = false,
    } = options;
    const page = join(this.#folder, "control");
    if (control !== undefined) writeFileSync(page, controlPage(control), { mode: 0o600 });
    const args = emulatorArguments({
      board,
      image,
      exact,
      ...(options.paceShift === undefined ? {} : { paceShift: options.paceShift }),
      ...(state === undefined ? {} : { state }),
      ...(control === undefined ? {} : { controlPage: page }),
      ...(options.monitorSocket === undefined ? {} : { monitorSocket: options.monitorSocket }),
      ...(options.debugSocket === undefined ? {} : { debugSocket: options.debugSocket }),
      ...(options.updates === undefined ? {} : { updates: options.updates }),
      ...(main === undefined ? {} : { main }),
      ...(outside === undefined ? {} : { outside }),
      network: `user,hostfwd=tcp:${host}:${port}-:${ISOLATE_PORT}`,
      ...(serialTerminal ? { serialTerminal } : { serialSocket: this.serialSocket }),
    });
    this.#child = spawn("qemu-system-arm", args, { stdio: ["ignore", "pipe", "pipe"] });
    if (this.#child.pid !== undefined) options.started?.(this.#child.pid);
    const take = (chunk: string) => {
      const lines = (this.#partialLine + chunk).split(/\r?\n/);
      this.#partialLine = lines.pop() ?? "";
      for (const line of lines) {
        this.#lines.push(line);
        options.console?.(line);
        if (state !== undefined) this.#end(endCode(line));
      }
      this.#wakeAll();
    };
    this.#child.stdout?.setEncoding("utf8").on("data", take);
    this.#child.stderr?.setEncoding("utf8").on("data", take);
    this.ended = new Promise((resolve) => {
      const end = (code: number | null) => {
        this.#running = false;
        rmSync(this.#folder, { recursive: true, force: true });
        process.off("exit", this.kill);
        this.#wakeAll();
        resolve(this.#code ?? code ?? -1);
      };
      this.#child.once("close", end);
      this.#child.once("error", (error) => {
        this.#lines.push(`qemu-system-arm: ${error.message}`);
        end(-1);
      });
    });
    // QEMU would outlive this process.
    process.once("exit", this.kill);
  }

  /** Starts QEMU; the firmware may not be ready yet, see `line`. */
  static async start(options: BoardOptions): Promise<RunningBoard> {
    return new RunningBoard(
      options,
      options.host ?? "127.0.0.1",
      options.port ?? (await freePort()),
    );
  }

  /** Path of the Unix socket that leads to the board's serial link. */
  get serialSocket(): string {
    return join(this.#folder, "serial");
  }

  /** Path of the terminal device that leads to the board's serial link, if asked for. */
  async serialDevice(): Promise<string> {
    const [, path = ""] = await this.line(/char device redirected to (\/dev\/\S+)/);
    return path;
  }

  /** Whether QEMU runs. */
  get running(): boolean {
    return this.#running;
  }

  /** What the firmware has printed so far. */
  get output(): string {
    return [...this.#lines, this.#partialLine].join("\n");
  }

  /** The firmware has ended, and stands still. */
  #end(code: number | undefined): void {
    if (code === undefined) return;
    this.#code ??= code;
    this.kill();
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const each of wake) each();
  }

  /**
   * The first line printed, now or later, that matches.
   *
   * @throws Error with all output when the firmware ends, or `timeoutMs` pass, without such a line
   */
  async line(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpMatchArray> {
    const deadline = Date.now() + timeoutMs;
    for (let seen = 0; ; ) {
      for (; seen < this.#lines.length; seen++) {
        const match = this.#lines[seen]?.match(pattern);
        if (match) return match;
      }
      const left = deadline - Date.now();
      if (!this.#running && /Could not set up host forwarding rule/.test(this.output)) {
        throw new Error(
          `cannot listen on ${this.host}:${this.port}: the address is none of this computer, or another program has the port`,
        );
      }
      if (!this.#running || left <= 0) {
        const why = this.#running ? `${timeoutMs} ms passed` : endOf(await this.ended);
        throw new Error(`${why} before the firmware printed ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Ends QEMU at once, as a power cut would. */
  readonly kill = (): void => {
    if (this.#running) this.#child.kill("SIGKILL");
  };

  /** Ends QEMU and waits for its end. */
  async close(): Promise<void> {
    this.kill();
    await this.ended;
  }
}
