/** Flash and RAM of an image by component, from the linker's map. */

export interface Sizes {
  /** Bytes by component. */
  readonly flash: Readonly<Record<string, number>>;
  readonly ram: Readonly<Record<string, number>>;
}

/** Output sections that take flash, and those that take RAM; initialised data take both. */
const flashSections = new Set([".vectors", ".text", ".ARM.exidx", ".data"]);
const ramSections = new Set([".stack", ".data", ".bss", ".noinit"]);

const components: readonly [RegExp, string][] = [
  [/\/trusted-\w+\.o$/, "trusted runtime"],
  [/\/attestation-\w+\.o$/, "token module"],
  [/\/client-(?:module|compiled|embedded)\.o$/, "client module"],
  [/\/wasm3\/m3_\w+\.o$/, "wasm3"],
  [/\/(?:client-)?lwip\//, "lwIP"],
  [/-objects(?:-\w+)*\/(?:net|link)\//, "links"],
  [/-objects(?:-\w+)*\/(?:arch|boards|drivers)\//, "board"],
  [/\/client-\w+-objects(?:-\w+)*\//, "client"],
  [/-objects(?:-\w+)*\//, "isolate"],
  [/\/lib\w+\.a\(/, "C library"],
];

function componentOf(path: string): string {
  return components.find(([pattern]) => pattern.test(path))?.[1] ?? "other";
}

/**
 * Reads a map of GNU ld.
 *
 * @param map the file's text
 * @param flashBytes size of the image in flash; the difference to the sum of all objects is padding, less
 *   the equal strings that the linker has merged
 */
export function readSizes(map: string, flashBytes: number): Sizes {
  const flash: Record<string, number> = {};
  const ram: Record<string, number> = {};
  const add = (to: Record<string, number>, component: string, size: number) => {
    to[component] = (to[component] ?? 0) + size;
  };
  const start = map.indexOf("Linker script and memory map");
  // A long section name stands on a line of its own, above its address.
  const text = map.slice(start).replaceAll(/^( \.\S+)\n\s+/gm, "$1 ");
  let section = "";
  for (const line of text.split("\n")) {
    const output = /^(\.\S+)(?:\s+0x[0-9a-f]+\s+(0x[0-9a-f]+))?/.exec(line);
    if (output) {
      section = output[1] ?? "";
      if (section === ".stack") add(ram, "stack", Number(output[2] ?? 0));
      continue;
    }
    const input = /^ (?:\.\S+|COMMON)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S.*)$/.exec(line);
    if (!input) continue;
    const size = Number(input[1]);
    const component = componentOf(input[2] ?? "");
    if (flashSections.has(section)) add(flash, component, size);
    if (ramSections.has(section)) add(ram, component, size);
  }
  const known = Object.values(flash).reduce((sum, size) => sum + size, 0);
  add(flash, "padding", flashBytes - known);
  for (const each of [flash, ram])
    for (const [component, size] of Object.entries(each)) if (size === 0) delete each[component];
  return { flash, ram };
}

export function total(sizes: Readonly<Record<string, number>>): number {
  return Object.values(sizes).reduce((sum, size) => sum + size, 0);
}

/** A table of the sizes, with the change against a baseline where there is one. */
export function formatSizes(sizes: Sizes, baseline: Sizes | undefined): string {
  const names = [...new Set([...Object.keys(sizes.flash), ...Object.keys(sizes.ram)])].sort(
    (a, b) =>
      (sizes.flash[b] ?? 0) + (sizes.ram[b] ?? 0) - (sizes.flash[a] ?? 0) - (sizes.ram[a] ?? 0),
  );
  const change = (now: number, before: number | undefined) => {
    if (before === undefined || now === before) return "";
    return now > before ? `+${now - before}` : String(now - before);
  };
  const row = (kind: (of: Sizes) => number | undefined) => {
    const now = kind(sizes) ?? 0;
    return [String(now), change(now, baseline && (kind(baseline) ?? 0))].map((t) => t.padStart(9));
  };
  const lines = names.map((name) =>
    [name.padEnd(16), ...row((of) => of.flash[name]), ...row((of) => of.ram[name])].join(""),
  );
  const sums = [
    "total".padEnd(16),
    ...row((of) => total(of.flash)),
    ...row((of) => total(of.ram)),
  ].join("");
  return [`${"bytes".padEnd(16)}    flash   change      RAM   change`, ...lines, sums].join("\n");
}
