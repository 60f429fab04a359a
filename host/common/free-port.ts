import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * From where ports are taken: below those that systems give to connections by themselves (from 32768 on Linux, 49152
 * elsewhere). One of these could be taken again before it is listened on, and whoever keeps connecting to one that
 * nobody listens on yet may at last be connected to himself.
 */
const FIRST = 16_384;
const LAST = 32_767;
const TRIES = 100;

/**
 * A TCP port of the loopback interface, 127.0.0.1, that nothing listens on at this moment.
 *
 * @throws the error of the last of 100 tries
 */
export async function freePort(): Promise<number> {
  for (let left = TRIES; ; ) {
    const port = randomInt(FIRST, LAST + 1);
    try {
      await listenOnce(port);
      return port;
    } catch (error) {
      if (--left === 0) throw error;
    }
  }
}

function listenOnce(port: number): Promise<void> {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen(port, "127.0.0.1", () => server.close(() => done()));
  });
}
