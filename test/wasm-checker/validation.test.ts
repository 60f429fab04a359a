// Validation: each rule of chapter 3 of the core specification, followed once and broken once.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  INVALID_ALIGNMENT,
  INVALID_CONSTANT_EXPRESSION,
  INVALID_ELSE,
  INVALID_EXPORT_DUPLICATE,
  INVALID_FUNCTION_INDEX,
  INVALID_GLOBAL_IMMUTABLE,
  INVALID_GLOBAL_INDEX,
  INVALID_IF_RESULT,
  INVALID_LABEL,
  INVALID_LABEL_ARITY,
  INVALID_LOCAL_INDEX,
  INVALID_MEMORY_INDEX,
  INVALID_MEMORY_LIMITS,
  INVALID_OPERAND,
  INVALID_OPERAND_LEFT,
  INVALID_OPERAND_MISSING,
  INVALID_TABLE_INDEX,
  INVALID_TABLE_LIMITS,
  INVALID_TYPE_INDEX,
} from "../../assembly/wasm-checker/refusals.js";
import {
  type Bytes,
  body,
  constant,
  DROP,
  END,
  exportItem,
  F32,
  F64,
  f32const,
  functionType,
  I32,
  I64,
  i32const,
  i64const,
  leb,
  locals,
  MAIN_TYPE,
  mainWith,
  type Program,
  program,
  VOID,
} from "./bytes.js";
import { assertRule, checker, type Rule } from "./cases.js";
import { instructions } from "./instructions.js";

const UNREACHABLE = 0x00;
const result0 = i32const(0);
const TABLE: Program = { table: [0x70, 0, 4] };
const noMemory = { memory: [0, 1], sections: { 5: [] } };
const global = (type: number, mutable: number, expression: Bytes): number[] => [
  type,
  mutable,
  ...expression,
  END,
];
/** `main` with operands of these types, the instruction, and its results dropped. */
const applied = (operands: Bytes, code: Bytes, results: number, parts: Program = {}): Uint8Array =>
  mainWith(
    [
      ...operands.flatMap((type) => constant(type)),
      ...code,
      ...Array<number>(results).fill(DROP),
      ...result0,
    ],
    parts,
  );

for (const { name, code, takes, gives, align } of instructions) {
  test(name, () => {
    const types = [I32, I64, F32, F64];
    const good = applied(takes, code, gives.length);
    assert.is(checker.check(good).code, 0, "accepted");
    assert.ok(WebAssembly.validate(good), "V8");
    // Each operand of each other type.
    for (let index = 0; index < takes.length; index++) {
      for (const type of types.filter((other) => other !== takes[index])) {
        const bad = applied(takes.with(index, type), code, gives.length);
        assert.is(
          checker.check(bad).code,
          INVALID_OPERAND,
          `operand ${index} of type ${type.toString(16)}`,
        );
        assert.not(WebAssembly.validate(bad));
      }
    }
    if (takes.length > 0) {
      assert.is(
        checker.check(applied(takes.slice(1), code, gives.length)).code,
        INVALID_OPERAND_MISSING,
        "too few",
      );
    }
    // The result is of the type given: as the result of a block of that type and of no other.
    if (gives.length === 1) {
      const block = (type: number): Uint8Array =>
        mainWith([
          ...[0x02, type],
          ...takes.flatMap((operand) => constant(operand)),
          ...code,
          ...[END, DROP, ...result0],
        ]);
      for (const type of types) {
        const code = type === gives[0] ? 0 : INVALID_OPERAND;
        assert.is(checker.check(block(type)).code, code, `result ${type.toString(16)}`);
      }
    } else {
      assert.is(checker.check(applied(takes, code, 1)).code, INVALID_OPERAND_MISSING, "no result");
    }
    // Operands of unknown types are taken as they are needed.
    const unknown = mainWith([UNREACHABLE, ...code, ...gives.map(() => DROP), ...result0]);
    assert.is(checker.check(unknown).code, 0, "unreachable");
    assert.ok(WebAssembly.validate(unknown));
    if (align !== undefined) {
      const most = applied(takes, [code[0] as number, align, 0], gives.length);
      const more = applied(takes, [code[0] as number, align + 1, 0], gives.length);
      assert.is(checker.check(most).code, 0, "natural alignment");
      assert.is(checker.check(more).code, INVALID_ALIGNMENT, "more than natural alignment");
      assert.not(WebAssembly.validate(more));
      const none = applied(takes, code, gives.length, noMemory);
      assert.is(checker.check(none).code, INVALID_MEMORY_INDEX, "without a memory");
      const padded = applied(takes, [code[0] as number, ...leb(align, 5), ...leb(2 ** 32 - 1)], 0);
      assert.is(
        checker.check(padded).code,
        gives.length === 0 ? 0 : INVALID_OPERAND_LEFT,
        "padded immediates",
      );
    }
  });
}

/** A function that is not `main`, and its type. */
const other = (parameters: Bytes, results: Bytes, code: Bytes, groups: Bytes[] = []): Program => ({
  types: [MAIN_TYPE, functionType(parameters, results)],
  functions: [0, 1],
  bodies: [body(result0), body(code, groups)],
});
const returning = (type: number, code: Bytes): Uint8Array => program(other([], [type], code));
const doing = (code: Bytes, parameters: Bytes = [], groups: Bytes[] = []): Uint8Array =>
  program(other(parameters, [], code, groups));
/** `main` with blocks around it. */
const nested = (blocks: number[], code: Bytes, after: Bytes = []): Uint8Array =>
  mainWith([
    ...blocks.flatMap((type) => [0x02, type]),
    ...code,
    ...blocks.flatMap(() => [END]),
    ...after,
  ]);
const segment = (expression: Bytes, ...rest: number[]): number[] => [
  0,
  ...expression,
  END,
  ...rest,
];

const rules: Rule[] = [
  // Values and blocks
  {
    rule: "a function leaves its result",
    good: mainWith(result0),
    bad: mainWith([]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "of its type",
    good: returning(F32, f32const),
    bad: returning(F32, i32const(0)),
    code: INVALID_OPERAND,
  },
  {
    rule: "and nothing else",
    good: mainWith([...result0, DROP, ...result0]),
    bad: mainWith([...result0, ...result0]),
    code: INVALID_OPERAND_LEFT,
  },
  {
    rule: "a function without result",
    good: doing([]),
    bad: doing(result0),
    code: INVALID_OPERAND_LEFT,
  },
  {
    rule: "a block leaves its result",
    good: nested([I64], i64const(1), [DROP, ...result0]),
    bad: nested([I64], [], [DROP, ...result0]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "a block does not reach the operands around it",
    good: mainWith([...result0, 0x02, VOID, END]),
    bad: mainWith([...result0, 0x02, VOID, DROP, ...result0, END]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "a block without result leaves nothing",
    good: nested([VOID], [], result0),
    bad: nested([VOID], result0, []),
    code: INVALID_OPERAND_LEFT,
  },
  {
    rule: "a loop leaves its result",
    good: mainWith([0x03, I32, ...result0, END]),
    bad: mainWith([0x03, I32, END]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "if takes an i32",
    good: mainWith([...i32const(1), 0x04, VOID, END, ...result0]),
    bad: mainWith([...i64const(1), 0x04, VOID, END, ...result0]),
    code: INVALID_OPERAND,
  },
  {
    rule: "an if with a result has an else",
    good: mainWith([...result0, 0x04, I32, ...result0, 0x05, ...result0, END]),
    bad: mainWith([...result0, 0x04, I32, ...result0, END]),
    code: INVALID_IF_RESULT,
  },
  {
    rule: "the first branch leaves the result",
    good: mainWith([...result0, 0x04, I32, ...result0, 0x05, ...result0, END]),
    bad: mainWith([...result0, 0x04, I32, ...i64const(0), 0x05, ...result0, END]),
    code: INVALID_OPERAND,
  },
  {
    rule: "the else branch leaves the result",
    good: mainWith([...result0, 0x04, I32, ...result0, 0x05, ...result0, END]),
    bad: mainWith([...result0, 0x04, I32, ...result0, 0x05, END]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "an else branch is reachable again",
    good: mainWith([...result0, 0x04, I32, UNREACHABLE, 0x05, ...result0, END]),
    bad: mainWith([...result0, 0x04, I32, UNREACHABLE, 0x05, END]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "else belongs to an if",
    good: mainWith([...result0, 0x04, VOID, 0x05, END, ...result0]),
    bad: mainWith([0x02, VOID, 0x05, END, ...result0]),
    code: INVALID_ELSE,
  },
  {
    rule: "an if has one else",
    good: mainWith([...result0, 0x04, VOID, 0x05, END, ...result0]),
    bad: mainWith([...result0, 0x04, VOID, 0x05, 0x05, END, ...result0]),
    code: INVALID_ELSE,
  },
  {
    rule: "else at function level",
    good: mainWith(result0),
    bad: mainWith([...result0, 0x05, ...result0]),
    code: INVALID_ELSE,
  },
  // Branches
  {
    rule: "br takes the block's result",
    good: nested([I32], [...i32const(1), 0x0c, 0]),
    bad: nested([I32], [0x0c, 0]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "br to a loop takes nothing",
    good: mainWith([0x03, I32, 0x0c, 0, END]),
    bad: mainWith([0x03, I32, ...result0, 0x0c, 2, END]),
    code: INVALID_LABEL,
  },
  {
    rule: "a label is an open block",
    good: nested([I32], [...i32const(1), 0x0c, 1]),
    bad: nested([I32], [...i32const(1), 0x0c, 2]),
    code: INVALID_LABEL,
  },
  {
    rule: "the function is a label, too",
    good: mainWith([...i32const(1), 0x0c, 0]),
    bad: mainWith([...i64const(1), 0x0c, 0]),
    code: INVALID_OPERAND,
  },
  {
    rule: "br_if takes an i32",
    good: nested([VOID], [...i32const(1), 0x0d, 0], result0),
    bad: nested([VOID], [...f32const, 0x0d, 0], result0),
    code: INVALID_OPERAND,
  },
  {
    rule: "br_if leaves what it would carry",
    good: nested([I32], [...i32const(1), ...i32const(1), 0x0d, 0]),
    bad: nested([I32], [...i32const(1), 0x0d, 0]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "br_if carries the block's result",
    good: nested([I32], [...i32const(1), ...i32const(1), 0x0d, 0]),
    bad: nested([I32], [...i64const(1), ...i32const(1), 0x0d, 0, DROP, ...result0]),
    code: INVALID_OPERAND,
  },
  {
    rule: "br_table takes an i32",
    good: nested([VOID, VOID], [...result0, 0x0e, 1, 0, 1], result0),
    bad: nested([VOID, VOID], [...i64const(0), 0x0e, 1, 0, 1], result0),
    code: INVALID_OPERAND,
  },
  {
    rule: "br_table's labels take equally many values",
    good: nested([I32, I32], [...result0, ...result0, 0x0e, 1, 0, 1]),
    bad: nested([I32, VOID], [...result0, ...result0, 0x0e, 1, 0, 1], []),
    code: INVALID_LABEL_ARITY,
  },
  {
    rule: "br_table's labels take the same type",
    good: nested([I32, I32], [...result0, ...result0, 0x0e, 1, 0, 1]),
    bad: nested([I32, F32], [...result0, ...result0, 0x0e, 1, 1, 0], []),
    code: INVALID_OPERAND,
  },
  {
    rule: "br_table in unreachable code: equally many values",
    good: mainWith([
      ...[0x02, I32, 0x02, F32, UNREACHABLE, 0x0e, 1, 0, 1, END],
      ...[DROP, ...result0, END],
    ]),
    bad: nested([I32, VOID], [UNREACHABLE, 0x0e, 1, 0, 1], []),
    code: INVALID_LABEL_ARITY,
  },
  {
    rule: "br_table carries a value",
    good: nested([I32], [...result0, ...result0, 0x0e, 0, 0]),
    bad: nested([I32], [...result0, 0x0e, 0, 0]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "br_table's labels are open blocks",
    good: nested([VOID], [...result0, 0x0e, 0, 0], result0),
    bad: nested([VOID], [...result0, 0x0e, 1, 0, 2], result0),
    code: INVALID_LABEL,
  },
  {
    rule: "br_table's default label is an open block",
    good: nested([VOID], [...result0, 0x0e, 1, 0, 0], result0),
    bad: nested([VOID], [...result0, 0x0e, 1, 0, 9], result0),
    code: INVALID_LABEL,
  },
  {
    rule: "return takes the function's result",
    good: nested([VOID], [...i32const(3), 0x0f], result0),
    bad: nested([VOID], [0x0f], result0),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "return takes it of its type",
    good: nested([VOID], [...i32const(3), 0x0f], result0),
    bad: nested([VOID], [...f32const, 0x0f], result0),
    code: INVALID_OPERAND,
  },
  // Unreachable code
  {
    rule: "behind unreachable any operand is there",
    good: mainWith([UNREACHABLE, 0x6a]),
    bad: mainWith([UNREACHABLE, 0x7c]),
    code: INVALID_OPERAND,
  },
  {
    rule: "behind unreachable known operands keep their types",
    good: mainWith([UNREACHABLE, ...i32const(1), 0x6a]),
    bad: mainWith([UNREACHABLE, ...i64const(1), 0x6a]),
    code: INVALID_OPERAND,
  },
  {
    rule: "behind unreachable nothing is left over",
    good: mainWith([UNREACHABLE]),
    bad: mainWith([UNREACHABLE, ...result0, ...result0]),
    code: INVALID_OPERAND_LEFT,
  },
  {
    rule: "unreachable ends with its block",
    good: nested([VOID], [UNREACHABLE], result0),
    bad: nested([VOID], [UNREACHABLE], [0x6a]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "a block within unreachable code is reachable",
    good: mainWith([UNREACHABLE, 0x02, I32, ...result0, END]),
    bad: mainWith([UNREACHABLE, 0x02, I32, END]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "indices hold in unreachable code",
    good: mainWith([UNREACHABLE]),
    bad: mainWith([UNREACHABLE, 0x20, 0]),
    code: INVALID_LOCAL_INDEX,
  },
  {
    rule: "br makes the rest unreachable",
    good: mainWith([...result0, 0x0c, 0, 0x6a]),
    bad: mainWith([...result0, 0x0c, 0, 0x7c]),
    code: INVALID_OPERAND,
  },
  // Parametric
  {
    rule: "drop takes an operand",
    good: mainWith([...i64const(0), DROP, ...result0]),
    bad: mainWith([DROP, ...result0]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "select takes an i32",
    good: mainWith([...result0, ...result0, ...result0, 0x1b]),
    bad: mainWith([...result0, ...result0, ...i64const(0), 0x1b]),
    code: INVALID_OPERAND,
  },
  {
    rule: "select takes two of one type",
    good: returning(F64, [...constant(F64), ...constant(F64), ...result0, 0x1b]),
    bad: returning(F64, [...constant(F64), ...constant(F32), ...result0, 0x1b]),
    code: INVALID_OPERAND,
  },
  {
    rule: "select gives their type",
    good: returning(I64, [...i64const(0), ...i64const(0), ...result0, 0x1b]),
    bad: returning(I32, [...i64const(0), ...i64const(0), ...result0, 0x1b]),
    code: INVALID_OPERAND,
  },
  {
    rule: "select in unreachable code takes the type that is known",
    good: mainWith([UNREACHABLE, ...result0, ...result0, 0x1b]),
    bad: mainWith([UNREACHABLE, ...i64const(0), ...result0, 0x1b]),
    code: INVALID_OPERAND,
  },
  {
    rule: "select of unknown operands is unknown",
    good: mainWith([UNREACHABLE, 0x1b, 0xa7]),
    bad: mainWith([UNREACHABLE, 0x1b, 0xa7, 0xa7]),
    code: INVALID_OPERAND,
  },
  // Variables
  {
    rule: "a local exists",
    good: mainWith([0x20, 0], {}, [locals(1, I32)]),
    bad: mainWith([0x20, 1], {}, [locals(1, I32)]),
    code: INVALID_LOCAL_INDEX,
  },
  {
    rule: "parameters come first among the locals",
    good: doing([0x20, 0, 0x21, 1], [F32], [locals(1, F32)]),
    bad: doing([0x20, 0, 0x21, 1], [F32], [locals(1, I32)]),
    code: INVALID_OPERAND,
  },
  {
    rule: "groups of locals, an empty one among them",
    good: mainWith([0x20, 2], {}, [locals(2, I64), locals(0, F32), locals(1, I32)]),
    bad: mainWith([0x20, 1], {}, [locals(2, I64), locals(0, F32), locals(1, I32)]),
    code: INVALID_OPERAND,
  },
  {
    rule: "local.set takes the local's type",
    good: doing([...f32const, 0x21, 0], [F32]),
    bad: doing([...i32const(0), 0x21, 0], [F32]),
    code: INVALID_OPERAND,
  },
  {
    rule: "local.tee leaves it",
    good: doing([...f32const, 0x22, 0, DROP], [F32]),
    bad: doing([...f32const, 0x21, 0, DROP], [F32]),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "local.tee takes the local's type",
    good: doing([...f32const, 0x22, 0, DROP], [F32]),
    bad: doing([...i32const(1), 0x22, 0, DROP], [F32]),
    code: INVALID_OPERAND,
  },
  {
    rule: "a global exists",
    good: mainWith([0x23, 0], { globals: [global(I32, 0, result0)] }),
    bad: mainWith([0x23, 1], { globals: [global(I32, 0, result0)] }),
    code: INVALID_GLOBAL_INDEX,
  },
  {
    rule: "global.get gives the global's type",
    good: mainWith([0x23, 0], { globals: [global(I32, 0, result0)] }),
    bad: mainWith([0x23, 0], { globals: [global(I64, 0, i64const(0))] }),
    code: INVALID_OPERAND,
  },
  {
    rule: "a global that is set is mutable",
    good: mainWith([...result0, 0x24, 0, ...result0], { globals: [global(I32, 1, result0)] }),
    bad: mainWith([...result0, 0x24, 0, ...result0], { globals: [global(I32, 0, result0)] }),
    code: INVALID_GLOBAL_IMMUTABLE,
  },
  {
    rule: "global.set takes the global's type",
    good: mainWith([...i64const(1), 0x24, 0, ...result0], {
      globals: [global(I64, 1, i64const(0))],
    }),
    bad: mainWith([...result0, 0x24, 0, ...result0], { globals: [global(I64, 1, i64const(0))] }),
    code: INVALID_OPERAND,
  },
  // Memory
  {
    rule: "memory.size needs a memory",
    good: mainWith([0x3f, 0]),
    bad: mainWith([0x3f, 0], noMemory),
    code: INVALID_MEMORY_INDEX,
  },
  {
    rule: "memory.grow needs a memory",
    good: mainWith([...result0, 0x40, 0]),
    bad: mainWith([...result0, 0x40, 0], noMemory),
    code: INVALID_MEMORY_INDEX,
  },
  {
    rule: "memory.fill needs a memory",
    good: applied([I32, I32, I32], [0xfc, 11, 0], 0),
    bad: applied([I32, I32, I32], [0xfc, 11, 0], 0, noMemory),
    code: INVALID_MEMORY_INDEX,
  },
  // Calls
  {
    rule: "a function exists",
    good: mainWith([0x10, 0]),
    bad: mainWith([0x10, 1]),
    code: INVALID_FUNCTION_INDEX,
  },
  {
    rule: "call takes the parameters in their order",
    good: program({
      ...other([I32, I64], [], []),
      bodies: [body([...i32const(0), ...i64const(0), 0x10, 1, ...result0]), body([])],
    }),
    bad: program({
      ...other([I32, I64], [], []),
      bodies: [body([...i64const(0), ...i32const(0), 0x10, 1, ...result0]), body([])],
    }),
    code: INVALID_OPERAND,
  },
  {
    rule: "call takes all parameters",
    good: program({
      ...other([I32, I64], [], []),
      bodies: [body([...i32const(0), ...i64const(0), 0x10, 1, ...result0]), body([])],
    }),
    bad: program({
      ...other([I32, I64], [], []),
      bodies: [body([...i64const(0), 0x10, 1, ...result0]), body([])],
    }),
    code: INVALID_OPERAND_MISSING,
  },
  {
    rule: "call gives the result",
    good: program({
      ...other([], [I64], i64const(0)),
      bodies: [body([0x10, 1, 0xa7]), body(i64const(0))],
    }),
    bad: program({
      ...other([], [I64], i64const(0)),
      bodies: [body([0x10, 1]), body(i64const(0))],
    }),
    code: INVALID_OPERAND,
  },
  {
    rule: "call_indirect needs a table",
    good: mainWith([...result0, 0x11, 0, 0], TABLE),
    bad: mainWith([...result0, 0x11, 0, 0]),
    code: INVALID_TABLE_INDEX,
  },
  {
    rule: "call_indirect's type exists",
    good: mainWith([...result0, 0x11, 0, 0], TABLE),
    bad: mainWith([...result0, 0x11, 1, 0], TABLE),
    code: INVALID_TYPE_INDEX,
  },
  {
    rule: "call_indirect takes an i32",
    good: mainWith([...result0, 0x11, 0, 0], TABLE),
    bad: mainWith([...i64const(0), 0x11, 0, 0], TABLE),
    code: INVALID_OPERAND,
  },
  {
    rule: "call_indirect takes the parameters",
    good: mainWith([...f32const, ...result0, 0x11, 1, 0, ...result0], {
      ...TABLE,
      types: [MAIN_TYPE, functionType([F32], [])],
    }),
    bad: mainWith([...result0, ...result0, 0x11, 1, 0, ...result0], {
      ...TABLE,
      types: [MAIN_TYPE, functionType([F32], [])],
    }),
    code: INVALID_OPERAND,
  },
  // Module
  {
    rule: "a function's type exists",
    good: program({ functions: [0, 0], bodies: [body(result0), body(result0)] }),
    bad: program({ functions: [0, 1], bodies: [body(result0), body(result0)] }),
    code: INVALID_TYPE_INDEX,
  },
  {
    rule: "an exported function exists",
    good: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("f", 0, 0)],
    }),
    bad: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("f", 0, 1)],
    }),
    code: INVALID_FUNCTION_INDEX,
  },
  {
    rule: "an exported table exists",
    good: program({
      ...TABLE,
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("t", 1, 0)],
    }),
    bad: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("t", 1, 0)],
    }),
    code: INVALID_TABLE_INDEX,
  },
  {
    rule: "an exported memory exists",
    good: program(),
    bad: program(noMemory),
    code: INVALID_MEMORY_INDEX,
  },
  {
    rule: "an exported global exists",
    good: program({
      globals: [global(I32, 1, result0)],
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("g", 3, 0)],
    }),
    bad: program({
      globals: [global(I32, 1, result0)],
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("g", 3, 1)],
    }),
    code: INVALID_GLOBAL_INDEX,
  },
  {
    rule: "export names differ",
    good: program({
      exports: [
        exportItem("memory", 2, 0),
        exportItem("main", 0, 0),
        exportItem("f", 0, 0),
        exportItem("g", 0, 0),
      ],
    }),
    bad: program({
      exports: [
        exportItem("memory", 2, 0),
        exportItem("main", 0, 0),
        exportItem("f", 0, 0),
        exportItem("f", 0, 0),
      ],
    }),
    code: INVALID_EXPORT_DUPLICATE,
  },
  {
    rule: "the empty name, too",
    good: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("", 0, 0)],
    }),
    bad: program({
      exports: [exportItem("", 2, 0), exportItem("main", 0, 0), exportItem("", 0, 0)],
    }),
    code: INVALID_EXPORT_DUPLICATE,
  },
  {
    rule: "memory: minimum within maximum",
    good: program({ memory: [1, 2, 2] }),
    bad: program({ memory: [1, 2, 1] }),
    code: INVALID_MEMORY_LIMITS,
  },
  {
    rule: "memory: at most 65536 pages",
    good: program({ memory: [1, 1, ...leb(65536)] }),
    bad: program({ memory: [1, 1, ...leb(65537)] }),
    code: INVALID_MEMORY_LIMITS,
  },
  {
    rule: "memory: at most 65536 initial pages",
    good: program({ memory: [0, 1] }),
    bad: program({ memory: [0, ...leb(65537)] }),
    code: INVALID_MEMORY_LIMITS,
  },
  {
    rule: "table: minimum within maximum",
    good: program({ table: [0x70, 1, 2, 2] }),
    bad: program({ table: [0x70, 1, 2, 1] }),
    code: INVALID_TABLE_LIMITS,
  },
  // Constant expressions
  {
    rule: "a global's initial value has its type",
    good: program({ globals: [global(F64, 0, constant(F64))] }),
    bad: program({ globals: [global(F64, 0, constant(F32))] }),
    code: INVALID_OPERAND,
  },
  {
    rule: "an initial value is a constant",
    good: program({ globals: [global(I32, 0, result0)] }),
    bad: program({ globals: [global(I32, 0, [0x10, 0])] }),
    code: INVALID_CONSTANT_EXPRESSION,
  },
  {
    rule: "an initial value is there",
    good: program({ globals: [global(I32, 0, result0)] }),
    bad: program({ globals: [global(I32, 0, [])] }),
    code: INVALID_CONSTANT_EXPRESSION,
  },
  {
    rule: "an initial value refers to no later global",
    good: program({ globals: [global(I32, 0, result0), global(I32, 0, result0)] }),
    bad: program({ globals: [global(I32, 0, [0x23, 1]), global(I32, 0, result0)] }),
    code: INVALID_CONSTANT_EXPRESSION,
  },
  {
    rule: "an initial value refers to no mutable global",
    good: program({ globals: [global(I32, 1, result0), global(I32, 0, result0)] }),
    bad: program({ globals: [global(I32, 1, result0), global(I32, 0, [0x23, 0])] }),
    code: INVALID_CONSTANT_EXPRESSION,
  },
  {
    rule: "a data segment's offset is an i32",
    good: program({ data: [segment(result0, 0)] }),
    bad: program({ data: [segment(i64const(0), 0)] }),
    code: INVALID_OPERAND,
  },
  {
    rule: "an element segment's offset is an i32",
    good: program({ ...TABLE, elements: [segment(result0, 0)] }),
    bad: program({ ...TABLE, elements: [segment(f32const, 0)] }),
    code: INVALID_OPERAND,
  },
  {
    rule: "an element segment needs a table",
    good: program({ ...TABLE, elements: [segment(result0, 0)] }),
    bad: program({ elements: [segment(result0, 0)] }),
    code: INVALID_TABLE_INDEX,
  },
  {
    rule: "an element is a function",
    good: program({ ...TABLE, elements: [segment(result0, 1, 0)] }),
    bad: program({ ...TABLE, elements: [segment(result0, 1, 1)] }),
    code: INVALID_FUNCTION_INDEX,
  },
];

for (const rule of rules) {
  test(rule.rule, () => {
    assertRule(rule);
  });
}

test("export names are compared whole, whatever their hash", () => {
  // 300 names fill a third of the filter's bits: many collide, and none is refused.
  const names = Array.from({ length: 300 }, (_, index) => `export ${index}`);
  const exports = [exportItem("memory", 2, 0), exportItem("main", 0, 0)];
  const more = (list: string[]): Bytes[] => list.map((title) => exportItem(title, 0, 0));
  assert.is(checker.check(program({ exports: [...exports, ...more(names)] })).code, 0);
  for (const title of ["export 0", "export 150", "export 299", "main", "memory"]) {
    const module = program({ exports: [...exports, ...more([...names, title])] });
    const report = checker.check(module);
    assert.is(report.code, INVALID_EXPORT_DUPLICATE, title);
    assert.is(report.item, 302, title);
  }
});

test("a refusal names the function and the instruction", () => {
  const code = [...result0, DROP, ...i64const(1), 0x45];
  const module = program({
    types: [MAIN_TYPE],
    functions: [0, 0],
    bodies: [body(result0), body(code)],
  });
  const report = checker.check(module);
  assert.is(report.code, INVALID_OPERAND);
  assert.is(report.functionIndex, 1);
  assert.is(report.offset, module.length - 2);
  assert.is(report.expected, I32);
  assert.is(report.found, I64);
});

test.run();
