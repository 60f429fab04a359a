import * as assert from "uvu/assert";
import { Checker, type CheckReport } from "../../host/wasm-checker/checker.js";

export const checker = new Checker("host");

/** One rule: a module that follows it, one that breaks it, and the code of the refusal. */
export interface Rule {
  rule: string;
  good: Uint8Array;
  bad: Uint8Array;
  code: number;
  /** Byte offset that the refusal must name, where the test says it. */
  offset?: number;
  /** Why V8 takes `bad` as well, where it does. */
  v8Accepts?: string;
}

/**
 * Checks that the good module is accepted and the bad one is refused with its code, and that V8 agrees
 * on both as far as the rule is one of the core specification (codes below 300).
 */
export function assertRule({ rule, good, bad, code, offset, v8Accepts }: Rule): CheckReport {
  const accepted = checker.check(good);
  assert.is(accepted.code, 0, `${rule}: the good module is refused at ${accepted.offset}`);
  const refused = checker.check(bad);
  assert.is(refused.code, code, `${rule}: refused at ${refused.offset}`);
  if (offset !== undefined) assert.is(refused.offset, offset, `${rule}: offset`);
  assert.ok(WebAssembly.validate(good), `${rule}: V8 refuses the good module`);
  if (code < 300) {
    assert.is(WebAssembly.validate(bad), v8Accepts !== undefined, `${rule}: V8 on the bad module`);
  }
  return refused;
}
