import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmulatedBoard } from "./toolchain.js";

export interface EmulatorOptions {
  readonly board: EmulatedBoard;
  /** Path of the image, an ELF file: it runs first. */
  readonly image: string;
  /** Path of the raw bytes that the first stage measures and starts, where `image` is one. */
  readonly main?: string;
  /** What the firmware reads by semihosting; without commas. */
  readonly commandLine?: string;
  /** One instruction takes one nanosecond of guest time: counts are exact, links are slow. */
  readonly exact?: boolean;
  /** QEMU's option for the board's Ethernet; default: no network. */
  readonly network?: string;
  /** Path of a Unix socket on which the board's second UART, the serial link, is served. */
  readonly serialSocket?: string;
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

/** QEMU's arguments to run an image without a window, its console on standard output. */
export function emulatorArguments(options: EmulatorOptions): string[] {
  const semihosting = ["enable=on", "target=native"];
  if (options.commandLine !== undefined) semihosting.push(`arg=${options.commandLine}`);
  const { serialSocket, serialTerminal } = options;
  return [
    ...["-machine", options.board, "-nic", options.network ?? "none"],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio"],
    ...(serialTerminal ? ["-serial", "pty"] : []),
    ...(serialSocket ? ["-serial", `unix:${serialSocket},server=on,wait=off`] : []),
    ...["-semihosting-config", semihosting.join(",")],
    ...(options.exact ? ["-icount", "shift=0"] : []),
    ...["-kernel", options.image],
    ...(options.main
      ? ["-device", `loader,file=${options.main},addr=${mainAddress[options.board]}`]
      : []),
  ];
}

/** How an emulator ended, in words, by its exit code (-1 when it was killed). */
export function endOf(code: number): string {
  return code < 0 ? "the emulator was killed" : `the emulator ended with code ${code}`;
}

/** A TCP port of the loopback interface that nothing listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export interface BoardOptions
  extends Pick<EmulatorOptions, "board" | "image" | "main" | "commandLine"> {
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

  private constructor(
    options: BoardOptions,
    readonly host: string,
    /** Port of this computer that leads to TCP 6000 of the board. */
    readonly port: number,
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), "mcu-"));
    const { board, image, main, commandLine, exact = false, serialTerminal = false } = options;
    const args = emulatorArguments({
      board,
      image,
      exact,
      ...(commandLine === undefined ? {} : { commandLine }),
      ...(main === undefined ? {} : { main }),
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
        resolve(code ?? -1);
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

  /** Path of the terminal device that leads to the board's serial link, where that was asked for. */
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
