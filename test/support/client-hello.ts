import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";

/** The first bytes of a client of TLS 1.3. */
export function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const client = connect({
      servername: "ComputeEnclave.dev",
      minVersion: "TLSv1.3",
      ...options,
      socket,
    });
    client.on("error", () => undefined);
  });
}
