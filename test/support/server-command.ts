// vc-server and vc-pas as a user starts them: processes that can be killed.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { hangReports } from "./hang-report.js";
import { until } from "./system.js";

/** Of a server's log, what is told when a test hangs. */
const REPORTED_LINES = 15;

/** A running server, with all that it has printed. */
export class ServerCommand {
  readonly child: ChildProcess;
  out = "";
  err = "";
  /** The exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Whether it has ended. */
  isOver = false;

  constructor(server: "veracruz-server" | "proxy-attestation-server", args: readonly string[]) {
    const cli = join(projectRoot, `build/js/host/${server}/cli.js`);
    const report = () =>
      `${server} ${this.child.pid}: ${this.err}${this.out.split("\n").slice(-REPORTED_LINES).join("\n")}`;
    hangReports.add(report);
    this.child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code) => {
        this.isOver = true;
        hangReports.delete(report);
        resolve(code);
      }),
    );
  }

  /** Waits until it has logged one of these events. */
  async logged(...events: readonly string[]): Promise<void> {
    const what = events.map((event) => `"${event}"`).join(" or ");
    await until(`${what} in the log`, () => {
      const said = events.some((event) => this.out.includes(`"msg":"${event}"`));
      if (!said && this.isOver) throw new Error(`it ended without ${what}: ${this.err}${this.out}`);
      return said;
    });
  }

  /** Where it listens, once it does. */
  async address(): Promise<{ host: string; port: number }> {
    await this.logged("listening");
    const port = Number(/"port":(\d+)[^\n]*"msg":"listening"/.exec(this.out)?.[1]);
    return { host: "127.0.0.1", port };
  }

  /** Ends it without a warning. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
