// The server's own forwarding, over CONNECT to the isolate's wire, held against a bare pipe between two
// sockets in Node: in turn, so that both meet the same machine.
import type { TestAttestation } from "../support/system.js";
import {
  type Helper,
  processorSecondsOf,
  startHelper,
  startIsolate,
  startServer,
} from "./bench-processes.js";

const MIB = 1024 * 1024;

export interface Rate {
  /** MiB a second from the first byte at the receiver to the last. */
  rate: number;
  /** Processor time of the process in the middle, in seconds for 1 GiB. */
  processor: number;
}

export interface Forwarding {
  /** Medians of the rounds. */
  pipe: Rate;
  server: Rate;
  /** Median of the rounds' ratios: the server's rate to the pipe's. */
  ratio: number;
  /** The ratio of each round. */
  ratios: number[];
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** One transfer through the process in the middle. */
async function transfer(sink: Helper, middle: number, sender: Helper): Promise<Rate> {
  const before = processorSecondsOf(middle);
  const { seconds, bytes } = (await sink.next()) as { seconds: number; bytes: number };
  const processor = ((processorSecondsOf(middle) - before) * 1024 * MIB) / bytes;
  sender.end();
  return { rate: bytes / MIB / seconds, processor };
}

/**
 * Measures both, the isolate's TLS left out.
 *
 * @param total bytes of each transfer
 */
export async function forwarding(
  attestation: TestAttestation,
  total: number,
  rounds: number,
): Promise<Forwarding> {
  const sink = startHelper("sink", total);
  const pipe = startHelper("pipe", (await sink.next()).port as number);
  const pipePort = (await pipe.next()).port as number;

  const isolate = await startIsolate(attestation);
  const sinkIsolate = startHelper("sink-isolate", isolate.port, total);
  const address = `tcp:127.0.0.1:${(await sinkIsolate.next()).port}`;
  // Nobody finishes a handshake here.
  const server = await startServer(attestation, "--isolate", address, "--handshake", "3600");

  const throughPipe: Rate[] = [];
  const throughServer: Rate[] = [];
  // The first round warms both up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const bare = await transfer(sink, pipe.pid, startHelper("send", pipePort, total));
    const connect = await transfer(
      sinkIsolate,
      server.pid,
      startHelper("send-connect", server.port, total),
    );
    if (round > 0) {
      throughPipe.push(bare);
      throughServer.push(connect);
    }
  }
  for (const each of [sink, pipe, sinkIsolate]) each.end();
  await server.end();
  isolate.end();
  const medians = (rates: Rate[]): Rate => ({
    rate: median(rates.map(({ rate }) => rate)),
    processor: median(rates.map(({ processor }) => processor)),
  });
  const ratios = throughServer.map(({ rate }, round) => rate / (throughPipe[round] as Rate).rate);
  return {
    pipe: medians(throughPipe),
    server: medians(throughServer),
    ratio: median([...ratios]),
    ratios,
  };
}
