import type { Proof } from "./proofs.js";
import { Unproved } from "./unproved.js";
import type { Instruction, WatFunction, WatModule } from "./wat.js";

/** What became of the mutations of one function. */
export interface MutationReport {
  tried: number;
  /** Refused by the proof. */
  caught: number;
  /** Not refused, and computes the same: the very same polynomials, or what the claim leaves no choice in. */
  equivalent: number;
  /** Neither: what they change, in words. */
  missed: string[];
}

interface Mutation {
  what: string;
  module: WatModule;
}

const SWAPS: Record<string, string[]> = {
  add: ["sub"],
  sub: ["add"],
  mul: ["add"],
  shl: ["shr_u"],
  shr_s: ["shr_u", "shl"],
  shr_u: ["shr_s", "shl"],
  and: ["or"],
  or: ["and"],
  xor: ["or"],
};

/** Other instructions in place of one: constants and shifts by one more or less, other operators, a lost operand. */
function changes({ op, args }: Instruction): Pick<Instruction, "op" | "args">[] {
  const found: Pick<Instruction, "op" | "args">[] = [];
  if (op === "i32.const" || op === "i64.const") {
    const value = BigInt(args[0] ?? 0);
    for (const other of [value + 1n, value - 1n, value * 2n]) {
      if (other !== value) found.push({ op, args: [String(other)] });
    }
  }
  const [type = "", name = ""] = op.split(".");
  if (type === "i32" || type === "i64") {
    for (const other of SWAPS[name] ?? []) found.push({ op: `${type}.${other}`, args });
    if (name === "add") found.push({ op: "drop", args: [] }, { op: "nip", args: [] });
    if (name === "load32_s") found.push({ op: `${type}.load32_u`, args });
    if (name === "load32_u") found.push({ op: `${type}.load32_s`, args });
    if (name === "extend_i32_s") found.push({ op: `${type}.extend_i32_u`, args });
    if (name === "extend_i32_u") found.push({ op: `${type}.extend_i32_s`, args });
    if (/load|store/.test(name)) {
      const offset = Number(/offset=(\d+)/.exec(args.join(" "))?.[1] ?? 0);
      const rest = args.filter((arg) => !arg.startsWith("offset="));
      found.push({ op, args: [`offset=${offset + 4}`, ...rest] });
      if (offset >= 4) found.push({ op, args: [`offset=${offset - 4}`, ...rest] });
    }
  }
  return found;
}

/** Remembers which bytes of data segments were read. */
class ReadData extends Map<number, number> {
  readonly read = new Set<number>();
  override get(address: number): number | undefined {
    if (this.has(address)) this.read.add(address);
    return super.get(address);
  }
}

function* mutationsOf(module: WatModule, f: WatFunction, read: Set<number>): Generator<Mutation> {
  for (const [index, instruction] of f.body.entries()) {
    for (const change of changes(instruction)) {
      const body = [...f.body];
      body[index] = { ...instruction, ...change };
      const functions = new Map(module.functions).set(f.name, { ...f, body });
      const { line, op, args } = instruction;
      yield {
        what: `line ${line}: ${[op, ...args].join(" ")} → ${[change.op, ...change.args].join(" ")}`,
        module: { ...module, functions },
      };
    }
  }
  for (const address of read) {
    for (const step of [1, -1]) {
      const value = ((module.data.get(address) ?? 0) + step) & 0xff;
      const data = new Map(module.data).set(address, value);
      yield { what: `the constant's byte at ${address} → ${value}`, module: { ...module, data } };
    }
  }
}

/** Tries each single mutation of the function that the proof is of. */
export function tryMutations(module: WatModule, proof: Proof): MutationReport {
  const f = module.functions.get(proof.function);
  if (f === undefined) throw new Unproved(`the module has no function ${proof.function}`);
  const data = new ReadData(module.data);
  const original = proof.prove({ ...module, data });
  const report: MutationReport = { tried: 0, caught: 0, equivalent: 0, missed: [] };
  const read = proof.comparesConstants ? new Set<number>() : data.read;
  for (const mutation of mutationsOf(module, f, read)) {
    report.tried += 1;
    try {
      const computed = proof.prove(mutation.module);
      if (computed === original || proof.determined) report.equivalent += 1;
      else report.missed.push(`${proof.function}, ${mutation.what}`);
    } catch (error) {
      if (!(error instanceof Unproved)) throw error;
      report.caught += 1;
    }
  }
  return report;
}
