import type { Duplex } from "node:stream";
import { hangUp } from "../common/connection-gate.js";
import {
  type Bridge,
  type BridgeSession,
  SESSION_WINDOW_BYTES,
  SessionRefused,
  type Visitor,
} from "./bridge.js";
import { ALERT_RECORD, clientHello } from "./client-hello.js";

/**
 * While more of a session's bytes than these wait for the isolate, its answers are gathered: that so many of them, or
 * that they have waited for so long, sends them. Whoever sends a large file would else be woken for each piece of it.
 */
const GATHER_BEYOND_BYTES = 64 * 1024;
const GATHERED_ANSWERS = 4;
const GATHER_MS = 20;
/** An answer that is longer goes at once. */
const SHORT_ANSWER_BYTES = 1024;

/** Limits of a session over a stream, and who it is from. */
export interface StreamOptions {
  /** Bytes for a client that does not read them, beyond which the session ends. */
  maxBufferedBytes: number;
  visitor: Visitor;
  /** Told when no session could be opened. */
  refused: (reason: string) => void;
  /** Told when the peer is known: a principal of the policy. */
  opened: () => void;
}

/**
 * Makes a raw byte stream one session of the isolate. The isolate hears of it with a whole ClientHello, so
 * that connections which never say one take none of its handshakes. What the isolate has not dealt
 * with, and what the client does not read, holds the client's own bytes back.
 */
export function attachStream(bridge: Bridge, stream: Duplex, options: StreamOptions): void {
  let session: BridgeSession | undefined;
  let ended = false;
  let blocked = false;
  let opening = false;
  let early: Buffer = Buffer.alloc(0);
  const gathered: Uint8Array[] = [];
  let gathering: NodeJS.Timeout | undefined;
  const gone = new AbortController();

  const { handshakeMs } = bridge;
  const silence = setTimeout(() => {
    options.refused(`no whole ClientHello within ${handshakeMs} ms`);
    stream.destroy();
  }, handshakeMs);

  const end = (lastWords: Uint8Array = new Uint8Array(0)) => {
    clearTimeout(silence);
    sendGathered();
    hangUp(stream, lastWords);
  };
  const resume = () => {
    // Not for each piece that the isolate takes: to stop and start costs as much as to forward one.
    const held = blocked || opening || (session?.unacknowledged ?? 0) > SESSION_WINDOW_BYTES / 2;
    if (!held && stream.isPaused()) stream.resume();
  };
  const acknowledged = () => {
    if (gathered.length > 0 && !isBusy()) sendGathered();
    if (ended && session?.unacknowledged === 0) session.close("closed by the client");
    else resume();
  };
  const write = (tls: Uint8Array) => {
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
  };
  const isBusy = () => (session?.unacknowledged ?? 0) > GATHER_BEYOND_BYTES;
  const sendGathered = () => {
    clearTimeout(gathering);
    gathering = undefined;
    if (gathered.length > 0) write(Buffer.concat(gathered.splice(0)));
  };
  const sink = {
    output(tls: Uint8Array) {
      const holds = tls.length <= SHORT_ANSWER_BYTES && isBusy();
      if (!holds && gathered.length === 0) {
        write(tls);
        return;
      }
      // It may lie in memory that is much larger.
      gathered.push(tls.length <= SHORT_ANSWER_BYTES ? Uint8Array.from(tls) : tls);
      if (!holds || gathered.length >= GATHERED_ANSWERS) sendGathered();
      else gathering ??= setTimeout(sendGathered, GATHER_MS);
    },
    opened: options.opened,
    closed: () => end(),
  };
  const send = (chunk: Buffer) => {
    session?.input(chunk, acknowledged);
    if ((session?.unacknowledged ?? 0) >= SESSION_WINDOW_BYTES) stream.pause();
  };
  const open = async () => {
    opening = true;
    stream.pause();
    try {
      session = await bridge.open(sink, options.visitor, gone.signal);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      options.refused(error.message);
      end();
      return;
    } finally {
      opening = false;
    }
    if (stream.destroyed) {
      session.close("closed by the client");
      return;
    }
    const hello = early;
    early = Buffer.alloc(0);
    send(hello);
    resume();
  };

  stream.on("data", (chunk: Buffer) => {
    if (session !== undefined) {
      send(chunk);
      return;
    }
    early = early.length === 0 ? chunk : Buffer.concat([early, chunk]);
    if (opening || stream.writableEnded) return;
    const found = clientHello(early);
    if (found === "part") return;
    clearTimeout(silence);
    if (found === "whole") {
      void open();
      return;
    }
    options.refused("this is no ClientHello of TLS");
    end(ALERT_RECORD);
  });
  stream.on("drain", () => {
    blocked = false;
    resume();
  });
  stream.on("end", () => {
    ended = true;
    if (session === undefined && !opening) end();
    else if (session?.unacknowledged === 0) session.close("closed by the client");
  });
  // The reason is in `close`; without a listener an error would end the process.
  stream.on("error", () => undefined);
  stream.on("close", () => {
    clearTimeout(silence);
    clearTimeout(gathering);
    if (session === undefined) gone.abort();
    else session.close("the client's connection is gone");
  });
}
