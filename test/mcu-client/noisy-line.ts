import { Duplex } from "node:stream";

/**
 * A line that damages some of the bytes that pass and loses some others, always the same ones.
 *
 * @param every of so many bytes one is damaged, and one lost
 */
export function noisy(line: Duplex, every: number): Duplex {
  let passed = 0;
  const spoil = (chunk: Buffer) => {
    const out: number[] = [];
    for (const byte of chunk) {
      passed++;
      if (passed % every === 0) out.push(byte ^ 0x10);
      else if (passed % every !== every >> 1) out.push(byte);
    }
    return Buffer.from(out);
  };
  const noise = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => line.write(spoil(chunk), done),
    final: (done) => line.end(done),
  });
  line.on("data", (chunk: Buffer) => noise.push(spoil(chunk)));
  line.on("error", (error) => noise.destroy(error));
  line.on("close", () => noise.destroy());
  return noise;
}
