// Persons who use the command `veracruz`, each test in a folder of its own.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { inNetwork } from "../support/two-networks.js";

const command = join(projectRoot, "build/js/host/veracruz/cli.js");

export interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

/** A folder with a configuration of its own, in which commands run. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "veracruz-"));
  readonly environment: NodeJS.ProcessEnv;

  constructor() {
    const { NO_COLOR, ...environment } = process.env;
    this.environment = {
      ...environment,
      XDG_CONFIG_HOME: join(this.folder, "config"),
      XDG_STATE_HOME: join(this.folder, "state"),
      XDG_RUNTIME_DIR: join(this.folder, "runtime"),
    };
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** Starts a command. */
  spawn(...words: string[]) {
    return spawn(process.execPath, [command, ...words], {
      cwd: this.folder,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Runs a command to its end. */
  run(...words: string[]): Promise<Outcome> {
    return new Promise((done) => {
      const child = this.spawn(...words);
      const outcome = { out: "", err: "" };
      child.stdout.on("data", (chunk) => {
        outcome.out += chunk;
      });
      child.stderr.on("data", (chunk) => {
        outcome.err += chunk;
      });
      child.on("close", (code) => done({ code, ...outcome }));
    });
  }

  /** Runs a command to its end in a network of `cable`, or in this one. */
  runIn(network: string | undefined, ...words: string[]) {
    const [program, ...args] = inNetwork(network, process.execPath, command, ...words);
    return spawnSync(program, args, {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
    });
  }

  /** Runs a shell script in which `veracruz` is the command. */
  shell(script: string, shell = "bash", extra: NodeJS.ProcessEnv = {}) {
    const define = `veracruz() { ${JSON.stringify(process.execPath)} ${JSON.stringify(command)} "$@"; }\n`;
    return spawnSync(shell, ["-c", define + script], {
      cwd: this.folder,
      env: { ...this.environment, ...extra },
      encoding: "utf8",
    });
  }

  /** Runs a command on a terminal of its own (util-linux's `script`), with all that it shows. */
  onTerminal(words: string, extra: NodeJS.ProcessEnv = {}) {
    const line = `${process.execPath} ${command} ${words}`;
    return spawn("script", ["-qec", line, "/dev/null"], {
      cwd: this.folder,
      env: { ...this.environment, TERM: "xterm", ...extra },
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  /** Makes keys, with the contacts beside. */
  async init(...names: string[]): Promise<void> {
    for (const name of names) {
      const { code, out, err } = await this.run("init", "--as", name);
      if (code !== 0) throw new Error(err);
      this.write(`${name}.contact`, out);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
