import { ReturnCode } from "../veracruz_rt/return-code";

export { ReturnCode };

/** The meaning of a code that a host returned: its own row of the table, `Generic` for one without. */
export function codeFromHost(code: i32): ReturnCode {
  return code <= 0 && code >= ReturnCode.PreviousResultSize
    ? (code as ReturnCode)
    : ReturnCode.Generic;
}

/**
 * What `main` returns to fail with `code`, as in `return fail(ReturnCode.BadInput)`. Never 0, so that a
 * slip cannot release a result.
 */
export function fail(code: ReturnCode): i32 {
  return code === ReturnCode.Success ? ReturnCode.Generic : code;
}
