import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { projectRoot } from "../common/paths.js";
import type { EmulatedBoard } from "./toolchain.js";

/** Bytes of RAM that stand for an emulated board's flash for images (`BOARD_SLOT_FLASH`): all of the machine's. */
const FLASH_BYTES = 16 * 1024 * 1024;
const JOURNAL_SECTORS = 2;

/** The layout of a board's slots: what its `board-config.h` says. */
export interface SlotLayout {
  readonly sector: number;
  /** Bytes of a slot for each image; 0: the board has no such image. */
  readonly images: readonly [number, number];
}

const pages: Readonly<Record<EmulatedBoard, string>> = {
  "mps2-an385": "mps2-an385",
  "mps2-an386": "mps2-an385",
  "mps2-an500": "mps2-an385",
  "mps2-an505": "mps2-an505",
};

/** Reads a board's layout from its header, which the firmware is built with. */
export function slotLayout(board: EmulatedBoard): SlotLayout {
  const folder = join(projectRoot, "mcu-client", "boards", pages[board]);
  const header = readFileSync(join(folder, "board-config.h"), "utf8");
  const value = (name: string) => {
    const [, digits] =
      new RegExp(`^#define ${name} (0x[0-9A-F]+|\\d+)u\\b`, "m").exec(header) ?? [];
    if (digits === undefined) throw new Error(`${name} is not in ${board}'s board-config.h`);
    return Number(digits);
  };
  return {
    sector: value("BOARD_SLOT_SECTOR"),
    images: [value("BOARD_SLOT_MAIN"), value("BOARD_SLOT_OUTSIDE")],
  };
}

/** Where a slot's manifest is; its images follow, a sector behind. @param slot 0 or 1 */
export function slotOffset({ sector, images }: SlotLayout, slot: number): number {
  return JOURNAL_SECTORS * sector + slot * (sector + images[0] + images[1]);
}

/**
 * An emulated board's flash as the board is provisioned: a manifest and its images in slot A, all else erased.
 *
 * @throws CliError when an image does not fit
 */
export function provisionedFlash(
  layout: SlotLayout,
  manifest: Uint8Array,
  images: readonly Uint8Array[],
): Buffer {
  const flash = Buffer.alloc(FLASH_BYTES, 0xff);
  let at = slotOffset(layout, 0);
  flash.writeUInt32LE(manifest.length, at);
  flash.set(manifest, at + 4);
  at += layout.sector;
  images.forEach((image, index) => {
    const room = layout.images[index] ?? 0;
    if (image.length > room)
      throw new CliError(`an image of ${image.length} bytes: the board's slot has ${room} for it`);
    flash.set(image, at);
    at += room;
  });
  return flash;
}

/** What an emulated board has where it takes updates, beside its state. */
export interface UpdateFiles {
  /** The owner's page, which the emulator loads at each reset. */
  readonly owner: string;
  /** The flash with the slots, which the board writes. */
  readonly flash: string;
}

/** Names of these files. @param state path of the board's state */
export function updateFiles(state: string): UpdateFiles {
  return { owner: `${state}.owner`, flash: `${state}.flash` };
}

/** The files of a board that was provisioned for updates, else undefined. @throws CliError when one is missing */
export function findUpdateFiles(state: string): UpdateFiles | undefined {
  const files = updateFiles(state);
  const [owner, flash] = [existsSync(files.owner), existsSync(files.flash)];
  if (owner !== flash)
    throw new CliError(
      `${owner ? files.flash : files.owner} is missing: without it this board, which has an owner, cannot start`,
    );
  return owner ? files : undefined;
}
