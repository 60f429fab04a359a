// The rules of the Thumb-2 compiler, and compilers in which one of them is broken.
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { loadCompiler } from "../support/quick-compiler.js";

/** A rule, and how it is broken. */
export interface Rule {
  readonly rule: string;
  /** In `assembly/thumb2-compiler/`. */
  readonly file: string;
  /** Stands once in the file. */
  readonly text: string;
  readonly instead: string;
}

const room = "assembly/thumb2-compiler";

export const RULES: readonly Rule[] = [
  {
    rule: "an access is checked against constant memory",
    file: "memory.ts",
    text: "      this.branchBack(HI, trap);\n      return;",
    instead: "      return;",
  },
  {
    rule: "the last byte of an access is in memory",
    file: "memory.ts",
    text: "(least - extent) as u32",
    instead: "(least - extent + 1) as u32",
  },
  {
    rule: "an access is checked against memory that grows",
    file: "memory.ts",
    text: "    this.branchBack(HI, trap);\n    Operands.locked",
    instead: "    Operands.locked",
  },
  {
    rule: "what is known of a local ends where it is set",
    file: "operands.ts",
    text: "    store<u32>(this.local(word), 0, 4);\n",
    instead: "",
  },
  {
    rule: "the address of a local's place ends where it is set",
    file: "operands.ts",
    text: "    if (Operands.baseLocal === word) this.dropBase();\n",
    instead: "",
  },
  {
    rule: "what is known of locals ends at labels",
    file: "operands.ts",
    text: "    Operands.epoch++;\n",
    instead: "",
  },
  {
    rule: "operands that wait for a local take it before it is set",
    file: "operands.ts",
    text: "this.references(word) > 0 && index > 0",
    instead: "false",
  },
  {
    rule: "operands in registers are saved before a call",
    file: "operands.ts",
    text: "      if (owner < limit) this.spill(owner);\n",
    instead: "",
  },
  {
    rule: "a divisor of 0 traps",
    file: "words.ts",
    text: "      this.branchBack(EQ, this.trapStub(CODE_TRAP_DIVISION));\n",
    instead: "",
  },
  {
    rule: "a quotient that is none traps",
    file: "words.ts",
    text: "        this.branchBack(EQ, this.trapStub(CODE_TRAP_OVERFLOW));\n",
    instead: "",
  },
  {
    rule: "an indirect call looks at the table's end",
    file: "body.ts",
    text: "    this.branchBack(HS, trap);\n",
    instead: "",
  },
  {
    rule: "an indirect call looks at the type",
    file: "body.ts",
    text: "    this.branchBack(NE, trap);\n",
    instead: "",
  },
  {
    rule: "functions look at the stack's limit",
    file: "body.ts",
    text: "Values.calls || frame + 28 > LEAF_FRAME",
    instead: "false",
  },
  {
    rule: "a loop's turn counts",
    file: "body.ts",
    text: "        this.countFuel();\n",
    instead: "",
  },
  {
    rule: "a function's entry counts",
    file: "body.ts",
    text: "    this.pushRegisters(this.savedMask());\n    this.countFuel();\n",
    instead: "    this.pushRegisters(this.savedMask());\n",
  },
  {
    rule: "a result takes a local's register only if no operand waits for that",
    file: "values.ts",
    text: "    if (this.references(word) !== 0) return NONE;\n",
    instead: "",
  },
  {
    rule: "a high word is a sign only where that is known",
    file: "values.ts",
    text: "  if (kindOf(high) === K_SIGN || (high & POSITIVE) !== 0) return true;\n",
    instead: "  return true;\n",
  },
  {
    rule: "a word that is zero-extended is a sign only where it is below 2^31",
    file: "values.ts",
    text: "high === HIGH_BOTH ? POSITIVE : 0",
    instead: "POSITIVE",
  },
  {
    rule: "high words that are known are stored before a loop",
    file: "body.ts",
    text: "        this.settleLocals();\n        this.flush(Operands.height);\n        this.label();\n",
    instead: "        this.flush(Operands.height);\n        this.label();\n",
  },
  {
    rule: "high words that are known are stored before a branch",
    file: "body.ts",
    text: "    if (load<u8>(frame, 10) !== KIND_FUNCTION) this.settleLocals();\n",
    instead: "",
  },
  {
    rule: "what is known of a high word ends where its local is set to something else",
    file: "variables.ts",
    text: "    this.setHigh(word, known);\n",
    instead: "    if (known !== 0) this.setHigh(word, known);\n",
  },
  {
    rule: "what is known of high words ends with the path",
    file: "values.ts",
    text: "    while (Locals.narrow !== NONE) this.unlist();\n",
    instead: "",
  },
  {
    rule: "a sum's low word does not take the register of which the high one needs the sign",
    file: "pairs.ts",
    text: "this.place(a, sign ? NONE : b)",
    instead: "this.place(a, b)",
  },
  {
    rule: "a low word does not take the register of a high word that is read after it",
    file: "pairs.ts",
    text: "low === NONE || low === aHigh || low === bHigh",
    instead: "low === NONE",
  },
  {
    rule: "locals that may be read before they are set are 0",
    file: "locals.ts",
    text: "word >= Locals.parameterWordCount && !set",
    instead: "false",
  },
  {
    rule: "comparisons the other way round have the other condition",
    file: "words.ts",
    text: "        return mirrored(condition);\n",
    instead: "        return condition;\n",
  },
  {
    rule: "a constant address is in memory with its last byte",
    file: "memory.ts",
    text: "      if (place + size <= least) {",
    instead: "      if (place <= least) {",
  },
  {
    rule: "an access that is behind memory wherever its address is traps",
    file: "memory.ts",
    text: "    if (extent > (Tables.boundVaries ? most : least)) {",
    instead: "    if (false) {",
  },
  {
    rule: "a local was checked for so many bytes, and not for more",
    file: "memory.ts",
    text: "(this.checkedExtent(local) as u64) >= extent",
    instead: "this.checkedExtent(local) > 0",
  },
  {
    rule: "a bound in a register is for accesses of one extent",
    file: "memory.ts",
    text: "Operands.boundValue === extent",
    instead: "true",
  },
  {
    rule: "a constant bound in a register is for accesses of one extent",
    file: "memory.ts",
    text: "Operands.boundValue === last",
    instead: "true",
  },
  {
    rule: "a divisor of 64 bits that is 0 traps",
    file: "pairs.ts",
    text: "    this.branchBack(EQ, this.trapStub(CODE_TRAP_DIVISION));\n",
    instead: "",
  },
  {
    rule: "a quotient of 64 bits that is none traps",
    file: "pairs.ts",
    text: "      this.branchBack(EQ, this.trapStub(CODE_TRAP_OVERFLOW));\n",
    instead: "",
  },
  {
    rule: "a shift is by the amount's low 5 bits",
    file: "words.ts",
    text: "      else this.dataImmediate(AND, masked, by, 31);\n",
    instead: "      else this.move(masked, by);\n",
  },
  {
    rule: "flags become a register before an instruction that changes them",
    file: "body.ts",
    text: "      if (!this.takesFlags(opcode)) this.settleFlags();\n",
    instead: "",
  },
  {
    rule: "a word in another word's slot is read at once",
    file: "operands.ts",
    text: "kind === K_SLOT && payload(word) !== index",
    instead: "false",
  },
  {
    rule: "an argument waits while another one is in its register",
    file: "operands.ts",
    text: " || this.isSource(i, pending & ~(1 << i))",
    instead: "",
  },
  {
    rule: "a register that is claimed gives up what it holds",
    file: "operands.ts",
    text: "        this.move(other, register);\n        this.release(register);\n",
    instead: "        this.release(register);\n",
  },
  {
    rule: "the high word of a load comes first: the low one may take the address's place",
    file: "variables.ts",
    text: "      this.reached(LDR, high, 1);\n      const low = hint !== NONE ? hint : spare !== NONE ? spare : this.allocate();\n      this.reached(LDR, low, 0);\n",
    instead:
      "      const low = hint !== NONE ? hint : spare !== NONE ? spare : this.allocate();\n      this.reached(LDR, low, 0);\n      this.reached(LDR, high, 1);\n",
  },
  {
    rule: "a high word that is its local's low one is copied before that is set",
    file: "variables.ts",
    text: "    if (kindOf(high) === K_LOCAL && payload(high) === word) high = this.copied(high);\n",
    instead: "",
  },
  {
    rule: "a low word that is combined does not go where a high one is read",
    file: "pairs.ts",
    text: "hintLow !== NONE && !this.mentions(upper1, hintLow) && !this.mentions(upper2, hintLow)",
    instead: "hintLow !== NONE",
  },
  {
    rule: "a high word that is combined does not go where the low one is read",
    file: "pairs.ts",
    text: "hintHigh !== NONE && !this.mentions(low, hintHigh)",
    instead: "hintHigh !== NONE",
  },
  {
    rule: "a rotation by 32 gives each word a register of its own",
    file: "pairs.ts",
    text: "this.pushPair(this.ownRegister(bottom), this.ownRegister(top))",
    instead: "this.pushPair(bottom, top)",
  },
  {
    rule: "high words that are known are stored where an else begins",
    file: "body.ts",
    text: "    if (!Values.dead) {\n      this.settleLocals();\n      const words",
    instead: "    if (!Values.dead) {\n      const words",
  },
  {
    rule: "high words that are known are stored where a block ends",
    file: "body.ts",
    text: "      if (kind !== KIND_FUNCTION) this.settleLocals();\n",
    instead: "",
  },
  {
    rule: "high words that are known are stored before an if",
    file: "body.ts",
    text: "        this.settleLocals();\n        const holds",
    instead: "        const holds",
  },
  {
    rule: "high words that are known are stored before a branch table",
    file: "body.ts",
    text: "    this.settleLocals();\n    const index",
    instead: "    const index",
  },
  {
    rule: "the first pass forgets what is narrow where paths join",
    file: "locals.ts",
    text: "      if (opcode >= OP_LOOP && opcode <= OP_BR_TABLE) line++;\n",
    instead: "",
  },
];

/**
 * The source in which a rule stands.
 *
 * @throws Error when it is not there, or twice
 */
export function sourceOf({ rule, file, text }: Rule): string {
  const source = readFileSync(join(projectRoot, room, file), "utf8");
  if (source.split(text).length !== 2)
    throw new Error(`${rule}: ${file} has no such place, or two`);
  return source;
}

/** The compiler without a rule. */
export async function compilerWithout(each: Rule): Promise<Thumb2Compiler> {
  const { rule, file, text, instead } = each;
  const { default: asc } = await loadCompiler();
  const broken = join(room, file);
  const source = sourceOf(each);
  const messages = asc.createMemoryStream();
  let wasm: Uint8Array | undefined;
  // Not optimised: it makes the same code, and is made in a tenth of the time.
  const { error } = await asc.main(
    [
      join(room, "index.ts"),
      ...["--config", "assembly/draft.asconfig.json", "--target", "runtime"],
      ...["--baseDir", projectRoot, "--outFile", "mutant.wasm"],
    ],
    {
      stdout: messages,
      stderr: messages,
      readFile(name, base) {
        const path = resolve(base, name);
        if (relative(projectRoot, path) === broken) return source.replace(text, () => instead);
        try {
          return readFileSync(path, "utf8");
        } catch {
          return null;
        }
      },
      writeFile(_, contents) {
        if (contents instanceof Uint8Array) wasm = contents;
      },
    },
  );
  if (error || !wasm)
    throw new Error(`without "${rule}": ${messages.toString() || error?.message}`);
  return new Thumb2Compiler(wasm);
}
