import { SingleBar } from "cli-progress";
import type { Progress } from "./client.js";

/** Transfers of fewer bytes than this show no bar. */
const BAR_FROM_BYTES = 256 * 1024;
const MIB = 1024 * 1024;
/** Columns of a bar: at most, and at least if there is one. */
const WIDEST_BAR = 40;
const NARROWEST_BAR = 6;

/** How far a transfer is at one time. */
export interface Moment {
  title: string;
  /** Bytes that have arrived, and in all; the total is not 0. */
  done: number;
  total: number;
  /** Seconds that the rest will take; undefined while that cannot be told. */
  secondsLeft: number | undefined;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** One line about a transfer that fits a terminal of so many columns. */
export function progressLine(moment: Moment, columns: number): string {
  const { title, done, total, secondsLeft } = moment;
  const share = Math.min(1, done / total);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const amount = `${(done / MIB).toFixed(1)} of ${(total / MIB).toFixed(1)} MiB`;
  const rest = secondsLeft === undefined ? "" : `, ${duration(secondsLeft)} left`;
  // A full last column makes some terminals begin a line.
  const room = columns - 1;
  const width = Math.min(WIDEST_BAR, room - `${title}${percent} [] ${amount}${rest}`.length);
  if (width < NARROWEST_BAR) return `${percent.trim()} ${amount}${rest} ${title}`.slice(0, room);
  const filled = Math.floor(share * width);
  const bar = "=".repeat(filled).padEnd(width, "-");
  return `${title}${percent} [${bar}] ${amount}${rest}`;
}

/**
 * A bar for a long transfer on a terminal; it disappears when it is stopped.
 *
 * @param title what is on its way
 */
export function progressBar(
  title: string,
  terminal: NodeJS.WriteStream,
): { report: Progress; stop: () => void } {
  let bar: SingleBar | undefined;
  return {
    report(done, total) {
      if (total < BAR_FROM_BYTES) return;
      if (bar === undefined) {
        bar = new SingleBar({
          format: (_options, { value, total: whole, eta }) =>
            progressLine(
              {
                title,
                done: value,
                total: whole,
                // It is text where it cannot be told.
                secondsLeft: Number.isFinite(eta) ? eta : undefined,
              },
              terminal.columns || 80,
            ),
          stream: terminal,
          clearOnComplete: true,
          etaBuffer: 500,
          // The line fits. Turned off, wrapping would stay so when Ctrl-C ends the command.
          linewrap: true,
        });
        bar.start(total, done);
      }
      bar.update(done);
    },
    stop: () => bar?.stop(),
  };
}
