import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { projectRoot } from "../common/paths.js";
import { type EmulatedBoard, emulatedBoards } from "./toolchain.js";

const boardsFolder = join(projectRoot, "mcu-client", "boards");

/** The boards that firmware can be built for. */
export function boardNames(): string[] {
  return readdirSync(boardsFolder)
    .filter((name) => existsSync(join(boardsFolder, name, "board.mk")))
    .sort();
}

/** @throws CliError when there is no such board */
export function checkBoard(name: string): string {
  if (!boardNames().includes(name))
    throw new CliError(`no such board: ${name}. There are ${boardNames().join(", ")}`);
  return name;
}

/** @throws CliError when QEMU does not emulate it */
export function checkEmulatedBoard(name: string): EmulatedBoard {
  const board = emulatedBoards.find((each) => each === checkBoard(name));
  if (!board)
    throw new CliError(`${name} is a real board; QEMU emulates ${emulatedBoards.join(", ")}`);
  return board;
}

/** Whether QEMU emulates that board. @throws CliError when there is no such board */
export function isEmulated(name: string): boolean {
  return emulatedBoards.some((each) => each === checkBoard(name));
}

/** How a board is flashed (`flash.json` in its folder). */
export interface FlashSettings {
  /** Tools that can do it, in the order in which they are tried. */
  readonly tools: readonly {
    readonly command: string;
    /** Arguments that name probe and target: they come first. */
    readonly common: readonly string[];
    /** Those that write the images; `{boot}` and `{main}` stand for the raw ones. */
    readonly flash: readonly string[];
    /** Arguments before these where `{control}`, the page of `controlPage`, is written, too. */
    readonly control: readonly string[];
    /** Those that print the board's protections (`readProtections`). */
    readonly inspect: readonly string[];
    /** Those that have the first stage hide itself and the secret from its next start on. */
    readonly hide: readonly string[];
    /** Those that shut debuggers out for ever. */
    readonly lockDebug: readonly string[];
    /** Debian package that has the tool. */
    readonly package?: string;
    /** What the tool says when no probe is connected. */
    readonly noProbe: string;
  }[];
}

/** @throws CliError when the board is not flashed, being emulated */
export function flashSettings(board: string): FlashSettings {
  const path = join(boardsFolder, checkBoard(board), "flash.json");
  if (!existsSync(path)) throw new CliError(`${board} is emulated: use npm run mcu:run`);
  return JSON.parse(readFileSync(path, "utf8")) as FlashSettings;
}
