/** Source maps of WebAssembly modules: a byte offset to file and line (ECMA-426; columns are offsets, on one line). */

/** A place in a source. */
export interface Place {
  readonly source: string;
  /** From 1. */
  readonly line: number;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of a segment: base 64 VLQ, the lowest bit the sign. */
function segmentNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const character of segment) {
    const digit = digits.indexOf(character);
    if (digit < 0) throw new RangeError(`${JSON.stringify(character)} is no digit of a mapping`);
    value += (digit & 31) * scale;
    scale *= 32;
    if (digit & 32) continue;
    numbers.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
    value = 0;
    scale = 1;
  }
  return numbers;
}

/** What a source map says of offsets in the module's file; undefined where it says nothing. */
export interface SourceMap {
  placeOf(offset: number): Place | undefined;
  /**
   * The same where the offset's own place is in a library that was inlined: the last place before it, from `start` on,
   * in a source of the author's.
   */
  authorsPlaceOf(offset: number, start: number): Place | undefined;
}

/** The compiler's name of what comes from packages. */
const LIBRARY = "~lib/";

/**
 * Reads a source map.
 *
 * @throws RangeError or SyntaxError where it is no source map
 */
export function readSourceMap(text: string): SourceMap {
  const map = JSON.parse(text) as { version?: unknown; sources?: unknown; mappings?: unknown };
  const { sources, mappings } = map;
  if (map.version !== 3 || !Array.isArray(sources) || typeof mappings !== "string")
    throw new RangeError("expected version 3 with sources and mappings");
  const entries: [offset: number, source: number, line: number][] = [];
  let [offset, source, line] = [0, 0, 0];
  for (const segment of (mappings.split(";")[0] ?? "").split(",")) {
    if (segment === "") continue;
    const [column = 0, sourceStep, lineStep] = segmentNumbers(segment);
    offset += column;
    if (sourceStep === undefined || lineStep === undefined) continue;
    source += sourceStep;
    line += lineStep;
    entries.push([offset, source, line]);
  }
  entries.sort(([a], [b]) => a - b);
  const last = (wanted: number, accept: (source: string, offset: number) => boolean) => {
    let found: Place | undefined;
    for (const [at, index, from] of entries) {
      if (at > wanted) break;
      const name = String(sources[index]);
      if (accept(name, at)) found = { source: name, line: from + 1 };
    }
    return found;
  };
  return {
    placeOf: (offset) => last(offset, () => true),
    authorsPlaceOf: (offset, start) =>
      last(offset, (name, at) => at >= start && !name.startsWith(LIBRARY)),
  };
}
