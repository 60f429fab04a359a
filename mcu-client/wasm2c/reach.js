// Bounds checks of translated WebAssembly: one for the loads at one address instead of one for each.
// @ts-check

/** `x = y;`, `x += y;`, `x = OPERATION(…);`: a variable of the function, how it is assigned, and what. */
const ASSIGNMENT = /^(\s*)(w2c_[a-z]+\d+) (\S*=) ([^;]*);\s*$/;
const VARIABLE = /^w2c_[a-z]+\d+$/;
const LOAD = /^[if](?:32|64)_load(\d*)\w*\((w2c_[a-z]+\d+), (\d+)u\)$/;
/** What looks like a call and neither traps, but for loads, nor changes the memory. */
const HARMLESS = /^(?:[if](?:32|64)_load\w*|I(?:32|64)_(?:ROT[LR]|CLZ|CTZ|POPCNT)|below_2_31)$/;

/** @typedef {{line: number, indent: string, variable: string, first: number, farthest: number}} Group */

/**
 * Puts `reach(address, extent);` before the first of several loads at one address, where a later one of them
 * reaches farther: a compiler that has seen this check leaves out those of the loads, which all stay in
 * the text. So no load goes unchecked, whatever is wrong here.
 *
 * A group of loads lies in lines that run one after the other, with nothing between them that could be
 * seen from outside, or trap in another way: what would have trapped at a later load traps at the
 * first of them instead.
 *
 * @param {string} body functions as wasm2c writes them: one operation in a line
 */
export function reachFarthestFirst(body) {
  const lines = body.split("\n");
  /** @type {Group[]} */
  const groups = [];
  /** Which value a variable holds: two variables with one number hold the same. @type {Map<string, number>} */
  let values = new Map();
  /** The loads since the last line that ends a group, by the number of their address. @type {Map<number, Group>} */
  let open = new Map();
  let numbers = 0;

  const numberOf = (/** @type {string} */ variable) => {
    const known = values.get(variable);
    if (known !== undefined) return known;
    values.set(variable, ++numbers);
    return numbers;
  };

  for (const [line, text] of lines.entries()) {
    const assignment = ASSIGNMENT.exec(text);
    if (!assignment) {
      open = new Map();
      // A store leaves variables as they are; at anything else another way may join.
      if (!/^\s*[if](?:32|64)_store\w*\(/.test(text)) values = new Map();
      continue;
    }
    const [, indent = "", target = "", operator, source = ""] = assignment;
    const calls = [...source.matchAll(/\b([A-Za-z_]\w*)\(/g)].map((match) => match[1] ?? "");
    // An import is called through a pointer.
    if (source.includes("(*") || !calls.every((name) => HARMLESS.test(name))) open = new Map();
    const load = LOAD.exec(source);
    if (load && operator === "=") {
      const [, bits, address = "", offset] = load;
      const width = bits
        ? Number(bits) / 8
        : source.startsWith("i32") || source.startsWith("f32")
          ? 4
          : 8;
      const extent = Number(offset) + width;
      const number = numberOf(address);
      const group = open.get(number);
      if (group) group.farthest = Math.max(group.farthest, extent);
      else {
        const begun = { line, indent, variable: address, first: extent, farthest: extent };
        open.set(number, begun);
        groups.push(begun);
      }
    }
    if (operator === "=" && VARIABLE.test(source)) values.set(target, numberOf(source));
    else values.set(target, ++numbers);
  }

  for (const { line, indent, variable, first, farthest } of groups)
    if (farthest > first)
      lines[line] = `${indent}reach(${variable}, ${farthest}u);\n${lines[line]}`;
  return lines.join("\n");
}
