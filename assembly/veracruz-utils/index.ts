/**
 * The policy parser as a module of its own, so that host programs check a policy with the very code
 * that the isolate will.
 *
 * Use: `allocate` the policy's length, store its bytes there, `checkPolicy`; on a refusal read
 * `errorText`, `errorOffset`. A certificate is judged alike, by `checkPrincipal`.
 */
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { refusalOfPrincipal } from "./policy-certificates";
import { policyErrorText, policyReason } from "./policy-error-text";
import { PolicyError } from "./policy-errors";
import { parsePolicy } from "./policy-parser";

const error: PolicyError = new PolicyError();
let text: StaticArray<u8> = new StaticArray<u8>(0);
let reason: StaticArray<u8> = new StaticArray<u8>(0);

/** Makes room for a policy of `length` bytes; returns where to store it, or 0 when there is no room. */
export function allocate(length: u32): usize {
  text = new StaticArray<u8>(0);
  reason = text;
  collectGarbage();
  if (!canAllocate(length as usize)) return 0;
  text = new StaticArray<u8>(length as i32);
  return changetype<usize>(text);
}

/** Checks the policy that was stored; 0, or why it is refused (`POLICY_E_…`). */
export function checkPolicy(): i32 {
  parsePolicy(changetype<usize>(text), text.length as u32, error);
  if (error.code !== 0) keepReason(policyErrorText(error));
  return error.code;
}

/**
 * Judges the DER of a principal's certificate that was stored in place of a policy; 0, or why a policy that names it is
 * refused (`POLICY_E_…`): then `errorText` has the reason.
 */
export function checkPrincipal(): i32 {
  error.code = refusalOfPrincipal(text);
  if (error.code !== 0) keepReason(policyReason(error));
  return error.code;
}

function keepReason(words: string): void {
  reason = new StaticArray<u8>(words.length);
  for (let i = 0; i < words.length; i++) reason[i] = words.charCodeAt(i) as u8;
}

/** Byte offset of what is wrong. */
export function errorOffset(): u32 {
  return error.offset;
}

/** Place and reason in ASCII. */
export function errorText(): usize {
  return changetype<usize>(reason);
}

/** Length of place and reason in bytes. */
export function errorTextLength(): u32 {
  return reason.length as u32;
}
