// What a long command is doing, always moving: one line that is written over on a terminal, plain lines elsewhere.
// @ts-check
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Milliseconds between two pictures on a terminal, and between two lines elsewhere when nothing is printed. */
const REDRAW = 100;
const HEARTBEAT = 10_000;
/** Milliseconds of work that say nothing: what is up to date takes no longer. */
const QUIET = 400;

const ANSI_CLEAR = "\r\x1b[K";

/**
 * The work that goes on at the same time, by name. Nothing is printed unless it takes a moment.
 *
 *     const progress = new Progress("build");
 *     progress.set("modules", "modules 3/12 (runtime)");
 *     progress.print("build/wasm/policy.wasm: 29123 bytes");
 *     progress.end("modules");
 *     progress.close();
 */
export class Progress {
  /**
   * @param {string} title
   * @param {NodeJS.WriteStream} stream
   */
  constructor(title, stream = process.stderr) {
    this.title = title;
    this.stream = stream;
    this.started = Date.now();
    /** @type {Map<string, string>} */
    this.tasks = new Map();
    this.frame = 0;
    this.drawn = false;
    this.lastLine = this.started;
    this.timer = setInterval(() => this.#tick(), REDRAW);
    this.timer.unref();
  }

  /**
   * @param {string} task
   * @param {string} text what it does now, of how much
   */
  set(task, text) {
    this.tasks.set(task, text);
  }

  /** @param {string} task */
  end(task) {
    this.tasks.delete(task);
  }

  /** A line that stays. @param {string} text */
  print(text) {
    this.#clear();
    this.stream.write(`${text}\n`);
    this.lastLine = Date.now();
  }

  close() {
    clearInterval(this.timer);
    this.#clear();
  }

  #clear() {
    if (this.drawn) this.stream.write(ANSI_CLEAR);
    this.drawn = false;
  }

  #tick() {
    const now = Date.now();
    if (this.tasks.size === 0 || now - this.started < QUIET) return;
    const seconds = Math.round((now - this.started) / 1000);
    const text = `${this.title}: ${[...this.tasks.values()].join(" · ")} · ${seconds} s`;
    if (this.stream.isTTY) {
      this.frame = (this.frame + 1) % FRAMES.length;
      const width = Math.max(20, (this.stream.columns ?? 80) - 3);
      const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
      this.stream.write(`${ANSI_CLEAR}${FRAMES[this.frame]} ${cut}`);
      this.drawn = true;
    } else if (now - this.lastLine >= HEARTBEAT) {
      this.print(text);
    }
  }
}
