import { partyNames } from "../veracruz/brief.js";
import { may, OUTPUT, type Policy } from "../veracruz-utils/policy.js";

const ROW = 44;
/** Width of the picture beside which there is room, and of the one for phones: text is then as large as in the page. */
const WIDE = 720;
const NARROW = 320;
const ISOLATE_HEIGHT = 64;

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const shortened = (text: string, most: number) =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** What a policy's picture shows. */
interface Shown {
  /** One line for each file and who sends it. */
  readonly sent: readonly string[];
  readonly readers: readonly string[];
  readonly programs: string;
}

function shownOf(policy: Policy): Shown & { words: string } {
  const { identities, programs: all } = policy.document;
  const names = partyNames(policy);
  const nameOf = (identity: (typeof identities)[number]) => names.get(identity) ?? "";
  const sent = identities.flatMap((identity) =>
    identity.file_rights
      .filter(({ rights }) => rights.includes("w"))
      .map(({ file_name }) => ({ from: nameOf(identity), file: file_name })),
  );
  const readers = identities.filter((identity) => may(identity, "r", OUTPUT)).map(nameOf);
  const programs = all.map(({ program_file_name }) => program_file_name).join(", ");
  const words = `${sent.map(({ from, file }) => `${from} sends ${file}`).join("; ")}. In the isolate ${programs} computes. ${readers.join(", ") || "Nobody"} reads the result.`;
  return { sent: sent.map(({ from, file }) => `${from}: ${file}`), readers, programs, words };
}

function box(x: number, y: number, width: number, label: string, kind: string): string {
  return `<g class="${kind}"><rect x="${x}" y="${y - 15}" width="${width}" height="30" rx="6"/><text x="${x + width / 2}" y="${y + 5}">${escaped(shortened(label, Math.floor(width / 8)))}</text></g>`;
}

function isolate(x: number, middle: number, width: number, programs: string): string {
  const centre = x + width / 2;
  return `<g class="isolate"><rect x="${x}" y="${middle - ISOLATE_HEIGHT / 2}" width="${width}" height="${ISOLATE_HEIGHT}" rx="10"/><text x="${centre}" y="${middle - 6}">isolate</text><text x="${centre}" y="${middle + 16}">${escaped(shortened(programs, Math.floor(width / 8)))}</text></g>`;
}

/** A line without a head, or an arrow. */
function line(path: string, isArrow: boolean): string {
  return `<path class="arrow" d="${path}"${isArrow ? ' marker-end="url(#head)"' : ""}/>`;
}

/** Senders on the left, the isolate in the middle, readers on the right. */
function wide({ sent, readers, programs }: Shown): { height: number; content: string } {
  const rows = Math.max(sent.length, readers.length, 1);
  const height = Math.max(rows * ROW, ISOLATE_HEIGHT) + 24;
  const middle = height / 2;
  const at = (index: number, count: number) => middle + (index - (count - 1) / 2) * ROW;
  const curve = (x1: number, y1: number, x2: number, y2: number) => {
    const bend = (x1 + x2) / 2;
    return line(`M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`, true);
  };
  const left = sent.map((label, index) => {
    const y = at(index, sent.length);
    return box(10, y, 180, label, "party") + curve(190, y, 268, middle);
  });
  const right = readers.map((label, index) => {
    const y = at(index, readers.length);
    return box(WIDE - 190, y, 180, label, "reader") + curve(452, middle, WIDE - 192, y);
  });
  const content = left.join("") + isolate(270, middle, 180, programs) + right.join("");
  return { height, content };
}

/** One below the other: what is sent runs down on the left, what is read on the right. */
function narrow({ sent, readers, programs }: Shown): { height: number; content: string } {
  const [x, width] = [34, NARROW - 68];
  const [inwards, outwards] = [12, NARROW - 12];
  const top = 24;
  const middle = top + sent.length * ROW + ISOLATE_HEIGHT / 2;
  const first = middle + ISOLATE_HEIGHT / 2 + ROW - 8;
  const height = first + Math.max(0, readers.length - 1) * ROW + 24;
  const above = sent.map((label, index) => {
    const y = top + index * ROW;
    return box(x, y, width, label, "party") + line(`M${x} ${y}H${inwards}`, false);
  });
  const down = sent.length > 0 ? line(`M${inwards} ${top}V${middle - 6}H${x - 2}`, true) : "";
  const below = readers.map((label, index) => {
    const y = first + index * ROW;
    const path = `M${x + width} ${middle + 6}H${outwards}V${y}H${x + width + 2}`;
    return box(x, y, width, label, "reader") + line(path, true);
  });
  const content = above.join("") + down + isolate(x, middle, width, programs) + below.join("");
  return { height, content };
}

/**
 * A policy as a picture: who sends what into the isolate, and who reads the result. Two SVGs, of which the page's style
 * shows the one that fits; each is described in words.
 */
export function policyPicture(policy: Policy): string {
  const shown = shownOf(policy);
  const head =
    '<svg class="defs" aria-hidden="true"><defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs></svg>';
  const svg = (kind: string, width: number, { height, content }: ReturnType<typeof wide>) =>
    `<svg class="${kind}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(shown.words)}">${content}</svg>`;
  return head + svg("wide", WIDE, wide(shown)) + svg("narrow", NARROW, narrow(shown));
}
