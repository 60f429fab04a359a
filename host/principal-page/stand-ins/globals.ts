// What a browser's bundle finds where Node.js has globals of its own, or other ones.

/** What waits for the end of the running task and its microtasks, as Node's `nextTick` does within those. */
const ticks: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => ticks.shift()?.();
function nextTick(run: () => void): void {
  ticks.push(run);
  port2.postMessage(0);
}

/** No environment, and an OpenSSL that knows nothing. */
export const process = {
  env: {} as Record<string, string | undefined>,
  versions: { openssl: "0.0" },
  nextTick,
};

/** A timer, which keeps no page open: there is nothing to be told not to. */
class Timer {
  constructor(readonly id: number) {}

  unref(): this {
    return this;
  }
}

/** As Node's: with `unref`. */
export const setTimeout = (run: () => void, milliseconds = 0): Timer =>
  new Timer(globalThis.setTimeout(run, milliseconds) as unknown as number);
/** Its end. */
export const clearTimeout = (timer: Timer | undefined): void => globalThis.clearTimeout(timer?.id);
