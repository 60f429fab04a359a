export * from "./codec.js";
export * from "./errors.js";
export * from "./frames.js";
export * from "./messages.js";
export * from "./tls-frames.js";
