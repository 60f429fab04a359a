import type { Duplex } from "node:stream";
import { type Bridge, type BridgeSession, SESSION_WINDOW_BYTES, SessionRefused } from "./bridge.js";

export interface StreamOptions {
  /** Milliseconds within which the first byte must come. */
  firstByteMs: number;
  /** Bytes for a client that does not read them, beyond which the session ends. */
  maxBufferedBytes: number;
  from: string;
  /** Told when no session could be opened. */
  refused: (reason: string) => void;
}

/** How long a client may take to read the last bytes of its session, in milliseconds. */
const LINGER_MS = 5_000;

/**
 * Makes a raw byte stream one session of the isolate. The isolate hears of it with its first byte, so
 * that connections which never say anything take none of its sessions. What the isolate has not dealt
 * with, and what the client does not read, holds the client's own bytes back.
 */
export function attachStream(bridge: Bridge, stream: Duplex, options: StreamOptions): void {
  let session: BridgeSession | undefined;
  let ended = false;
  let blocked = false;
  let opening = false;
  const early: Buffer[] = [];

  const silence = setTimeout(() => {
    options.refused("no byte came in time");
    stream.destroy();
  }, options.firstByteMs);

  const hangUp = () => {
    clearTimeout(silence);
    if (stream.destroyed) return;
    stream.end();
    setTimeout(() => stream.destroy(), LINGER_MS).unref();
  };
  const resume = () => {
    // Not for each piece that the isolate takes: to stop and start costs as much as to forward one.
    const held = blocked || opening || (session?.unacknowledged ?? 0) > SESSION_WINDOW_BYTES / 2;
    if (!held && stream.isPaused()) stream.resume();
  };
  const acknowledged = () => {
    if (ended && session?.unacknowledged === 0) session.close("closed by the client");
    else resume();
  };
  const sink = {
    output(tls: Uint8Array) {
      if (stream.destroyed || stream.writableEnded) return;
      if (!stream.write(tls)) {
        // What is asked for further would only pile up here.
        blocked = true;
        stream.pause();
        if (stream.writableLength > options.maxBufferedBytes) {
          session?.close("the client does not read what it asked for");
          stream.destroy();
        }
      }
    },
    closed: hangUp,
  };
  const send = (chunk: Buffer) => {
    session?.input(chunk, acknowledged);
    if ((session?.unacknowledged ?? 0) >= SESSION_WINDOW_BYTES) stream.pause();
  };
  const open = async () => {
    opening = true;
    stream.pause();
    try {
      session = await bridge.open(sink, options.from);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      options.refused(error.message);
      hangUp();
      return;
    } finally {
      opening = false;
    }
    if (stream.destroyed) {
      session.close("closed by the client");
      return;
    }
    for (const chunk of early.splice(0)) send(chunk);
    resume();
  };

  stream.on("data", (chunk: Buffer) => {
    clearTimeout(silence);
    if (session !== undefined) {
      send(chunk);
      return;
    }
    early.push(chunk);
    if (!opening) void open();
  });
  stream.on("drain", () => {
    blocked = false;
    resume();
  });
  stream.on("end", () => {
    ended = true;
    if (session === undefined && !opening) hangUp();
    else if (session?.unacknowledged === 0) session.close("closed by the client");
  });
  // The reason is in `close`; without a listener an error would end the process.
  stream.on("error", () => undefined);
  stream.on("close", () => {
    clearTimeout(silence);
    session?.close("the client's connection is gone");
  });
}
