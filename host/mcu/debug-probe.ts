import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CliError } from "../common/cli.js";
import { flashSettings } from "./boards.js";

const EXIT_FAILED = 1;

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((f) => existsSync(join(f, command)));
}

type Task = "control" | "flash" | "inspect" | "hide" | "lockDebug";

/** A real board's debug probe, driven by the first tool of its flash.json that is installed. */
export interface DebugProbe {
  /**
   * Does tasks of the tool, and shows what it prints.
   *
   * @param paths what stands for `{boot}` and `{main}`
   * @returns what the tool has printed
   * @throws CliError when it fails, or finds no probe
   */
  run(tasks: readonly Task[], paths?: Readonly<Record<string, string>>): string;
}

/** @throws CliError when the board is emulated, or none of its tools is installed */
export function debugProbe(board: string): DebugProbe {
  const { tools } = flashSettings(board);
  const tool = tools.find(({ command }) => isOnPath(command));
  if (!tool) {
    const names = tools.map((t) => (t.package ? `${t.command} (${t.package})` : t.command));
    throw new CliError(`none of the flashing tools is installed: ${names.join(", ")}`, EXIT_FAILED);
  }
  return {
    run(tasks, paths = {}) {
      const args = [...tool.common, ...tasks.flatMap((task) => tool[task])].map((argument) =>
        argument.replaceAll(/\{(\w+)\}/g, (_, name: string) => paths[name] ?? ""),
      );
      console.log([tool.command, ...args].join(" "));
      const { status, stderr, stdout } = spawnSync(tool.command, args, { encoding: "utf8" });
      process.stdout.write(stdout);
      process.stderr.write(stderr);
      const output = `${stdout}${stderr}`;
      if (status === 0) return output;
      throw new CliError(
        output.includes(tool.noProbe)
          ? `${tool.command} finds no debug probe: connect the board's ST-LINK (USB) and try again`
          : `${tool.command} failed (exit code ${status})`,
        EXIT_FAILED,
      );
    },
  };
}
