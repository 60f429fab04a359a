/** The Thumb-2 compiler with as few registers as `starve` says. */
export * from "../thumb2-compiler/index";
export { starve } from "../thumb2-compiler/starved";
