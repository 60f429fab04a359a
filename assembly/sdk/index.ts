/**
 * What authors of no_std programs import:
 *
 *     import { decodeInput, encodeOutput } from "veracruz-mcu/assembly/sdk";
 *
 * Only what is used ends up in the program.
 */
export {
  Codec,
  compareTexts,
  decode,
  decodeInput,
  decodePreviousResult,
  decodeStream,
  encode,
  encodeOutput,
  Option,
  Pair,
} from "./codec";
export { print } from "./debug";
export { getrandom, getrandomU32, getrandomU64 } from "./getrandom";
export * from "./libveracruz";
export { Random } from "./rand";
export { mark, release, reserve, tryBytes } from "./veracruz_rt";
