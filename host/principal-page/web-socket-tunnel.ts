import { Duplex } from "node:stream";
import { formatAddress } from "../common/addresses.js";
import type { OpenTunnel } from "../veracruz-client/client.js";
import { ClientError } from "../veracruz-client/errors.js";
import { formatServer, type ServerAddress } from "../veracruz-client/server-address.js";

/** Bytes that may wait in the browser's WebSocket before more are taken. */
const HIGH_WATER = 1024 * 1024;
const LOOK_MS = 10;

/** Where a server answers, as a URL without a path. */
export function originOf(server: ServerAddress): string {
  return `${server.secure ? "https" : "http"}://${formatAddress(server)}`;
}

/** A WebSocket as a byte stream. */
class WebSocketTunnel extends Duplex {
  constructor(private readonly socket: WebSocket) {
    super({ allowHalfOpen: true });
    socket.addEventListener("message", ({ data }) =>
      this.push(new Uint8Array(data as ArrayBuffer)),
    );
    socket.addEventListener("close", () => {
      this.push(null);
      this.destroy();
    });
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (this.socket.readyState !== WebSocket.OPEN) {
      done();
      return;
    }
    this.socket.send(chunk as Uint8Array<ArrayBuffer>);
    const wait = () => {
      if (this.socket.bufferedAmount < HIGH_WATER) done();
      else setTimeout(wait, LOOK_MS);
    };
    wait();
  }

  override _final(done: () => void): void {
    this.socket.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.close();
    done(error);
  }
}

/** Opens a WebSocket to the isolate; its first message is the principal's signature. */
export const openWebSocket: OpenTunnel = async (server, policyHash, signer) => {
  const url = new URL(`${originOf(server)}/computations/${policyHash}/runtime_manager`);
  const signed = await signer?.headers(server, "GET", url.pathname, url.host);
  const first = Object.entries(signed ?? {}).map(([name, value]) => `${name}: ${value}`);
  if (first.length === 0)
    throw new ClientError(
      "connection",
      `cannot reach the server at ${formatServer(server)}: nobody answers there, or it does not have this computation`,
    );
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.href.replace(/^http/, "ws"));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      socket.send(first.join("\n"));
      resolve(new WebSocketTunnel(socket));
    });
    socket.addEventListener("close", ({ reason }) =>
      reject(
        new ClientError("connection", `the server refuses a session${reason && `: ${reason}`}`),
      ),
    );
  });
};
