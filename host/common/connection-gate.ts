import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Newcomer, type NewcomerBounds, Newcomers } from "./newcomers.js";

/** Milliseconds for which a connection that was ended may go on, so that its peer reads the last words. */
export const LINGER_MS = 2_000;

/** Says the last words, if any, and closes: what the peer still sends is read away, and not for long. */
export function hangUp(stream: Duplex, lastWords: Uint8Array | string = ""): void {
  stream.on("error", () => undefined);
  if (stream.destroyed) return;
  if (stream.writable) stream.end(lastWords);
  stream.resume();
  const timer = setTimeout(() => stream.destroy(), LINGER_MS).unref();
  stream.once("close", () => clearTimeout(timer));
  // Both sides have said all.
  const bothEnded = () => {
    if (stream.readableEnded && stream.writableFinished) stream.destroy();
  };
  stream.once("end", bothEnded).once("finish", bothEnded);
  bothEnded();
}

/**
 * The connections of a server whose peers are not known: bounded for each address and in all, in place of
 * Node's `maxConnections`, which lets one address keep out all others.
 */
export class ConnectionGate {
  private readonly strangers: Newcomers;
  private readonly places = new Map<Duplex, Newcomer>();

  /** @param exempt whether connections from an address are not counted: a reverse proxy bounds its own */
  constructor(
    server: Server,
    bounds: NewcomerBounds,
    private readonly exempt: (address: string) => boolean = () => false,
  ) {
    this.strangers = new Newcomers(bounds);
    server.on("connection", (socket: Socket) => {
      socket.once("close", () => this.release(socket));
      this.hold(socket);
    });
  }

  private hold(socket: Socket): void {
    const { remoteAddress } = socket;
    // It is gone already.
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    if (this.exempt(remoteAddress)) return;
    this.places.set(
      socket,
      this.strangers.enter(remoteAddress, () => {
        this.places.delete(socket);
        socket.destroy();
      }),
    );
  }

  /** The peer is known now: its connection takes no stranger's place any more. */
  release(socket: Duplex): void {
    const place = this.places.get(socket);
    if (place === undefined) return;
    this.places.delete(socket);
    this.strangers.leave(place);
  }

  /** The peer has said farewell, but for its socket: it is a stranger again. */
  holdAgain(socket: Socket): void {
    if (!socket.destroyed && !this.places.has(socket)) this.hold(socket);
  }
}
