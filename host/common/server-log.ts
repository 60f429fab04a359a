import { Option } from "commander";
import { type Logger, pino } from "pino";

/** The levels that a server's log may begin at. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** The log of every server of this project: one JSON object a line on standard output, with `level` in words, `time` in milliseconds since 1970, and `msg`. */
export function serverLog(level: string = "info"): Logger {
  return pino({ base: null, level, formatters: { level: (label) => ({ level: label }) } });
}

/** The option `--log-level`. */
export function logLevelOption(): Option {
  return new Option("--log-level <level>", "lowest level to log on standard output")
    .choices(LOG_LEVELS)
    .default("info");
}
