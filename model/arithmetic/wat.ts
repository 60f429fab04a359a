/**
 * Reads what proofs need of a module in text form, as the compiler writes it (`build/wasm/NAME.wat`): bodies
 * of functions, one instruction a line in stack order, and data segments.
 */

export interface Instruction {
  op: string;
  /** Immediates, as written: a number, a label, a function's or local's name, `offset=4`. */
  args: string[];
  /** Line in the file, from 1. */
  line: number;
  /** Of `block`, `loop`, `if` and `else`: index of the matching `end`, and of the `else` between. */
  end?: number;
  otherwise?: number;
}

export interface WatFunction {
  name: string;
  params: number;
  locals: number;
  body: Instruction[];
}

export interface WatModule {
  functions: Map<string, WatFunction>;
  /** Bytes of data segments, by address. */
  data: Map<number, number>;
  /** Where they end, in whole blocks of 16 bytes. */
  dataEnd: number;
  globals: Map<string, number>;
}

function match(body: Instruction[]): void {
  const open: Instruction[] = [];
  body.forEach((instruction, index) => {
    if (["block", "loop", "if"].includes(instruction.op)) open.push(instruction);
    else if (instruction.op === "else") {
      const start = open.at(-1);
      if (start === undefined) throw new Error(`line ${instruction.line}: else without if`);
      start.otherwise = index;
    } else if (instruction.op === "end") {
      const start = open.pop();
      if (start === undefined) throw new Error(`line ${instruction.line}: end without a block`);
      start.end = index;
      const other = start.otherwise === undefined ? undefined : body[start.otherwise];
      if (other !== undefined) other.end = index;
    }
  });
  if (open.length > 0) throw new Error(`line ${open[0]?.line}: a block without its end`);
}

function dataBytes(text: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") bytes.push(text.charCodeAt(i));
    else {
      const letter = text[i + 1] ?? "";
      const simple: Record<string, number> = { n: 10, t: 9, r: 13, '"': 34, "'": 39, "\\": 92 };
      if (letter in simple) {
        bytes.push(simple[letter] as number);
        i += 1;
      } else {
        bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16));
        i += 2;
      }
    }
  }
  return bytes;
}

/** Parses a module. Only what the compiler writes is understood; anything else is an error with its line. */
export function parseWat(text: string): WatModule {
  const functions = new Map<string, WatFunction>();
  const data = new Map<number, number>();
  const globals = new Map<string, number>();
  let current: WatFunction | undefined;
  text.split("\n").forEach((raw, index) => {
    const line = raw.trim();
    const number = index + 1;
    const header = /^\(func (\S+)(.*)$/.exec(line);
    const segment = /^\(data \S+ \(i32\.const (\d+)\) "(.*)"\)$/.exec(line);
    const global = /^\(global (\S+) (?:\(mut i32\)|i32) \(i32\.const (-?\d+)\)\)$/.exec(line);
    if (segment !== null) {
      const start = Number(segment[1]);
      dataBytes(segment[2] ?? "").forEach((byte, at) => {
        data.set(start + at, byte);
      });
    } else if (global !== null) {
      globals.set(global[1] as string, Number(global[2]));
    } else if (header !== null && raw.startsWith(" (func")) {
      const params = (header[2] ?? "").match(/\(param /g)?.length ?? 0;
      current = { name: header[1] as string, params, locals: 0, body: [] };
    } else if (current !== undefined && raw === " )") {
      match(current.body);
      functions.set(current.name, current);
      current = undefined;
    } else if (current !== undefined && line.startsWith("(local ")) {
      current.locals += 1;
    } else if (current !== undefined && line !== "") {
      const [op = "", ...args] = line.split(/\s+/);
      current.body.push({ op, args, line: number });
    }
  });
  const dataEnd = (Math.max(0, ...data.keys()) + 16) & ~15;
  return { functions, data, dataEnd, globals };
}
