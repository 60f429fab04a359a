// Runs in a browser: a principal of a computation whose TLS is the project's own session manager, over a
// WebSocket. It reports to the test that serves this page.
import { decode, encode } from "@msgpack/msgpack";
import {
  instantiate,
  Status as SessionStatus,
  TlsEngine,
  type TlsSession,
} from "../../host/session-manager/engine.js";
import { messages, Status } from "../../host/transport-protocol/messages.js";

/** What the test tells the page; bytes are hexadecimal. */
export interface Parameters {
  /** Where the Veracruz server takes WebSockets. */
  url: string;
  authority: string;
  name: string;
  privateKey: string;
  certificate: string;
  runtimeHash: string;
  policyHash: string;
  input: { fileName: string; bytes: string };
}

/** What the page tells the test. */
export interface Report {
  userAgent: string;
  /** The result in hexadecimal, or why there is none. */
  result?: string;
  failure?: string;
}

// The part of the browser's interface that is used here: Node's types do not have it.
interface BrowserSocket {
  binaryType: "arraybuffer";
  onopen: () => void;
  onerror: () => void;
  onclose: (event: { code: number }) => void;
  onmessage: (event: { data: ArrayBuffer }) => void;
  send(bytes: Uint8Array): void;
  close(): void;
}
declare const navigator: { readonly userAgent: string };
declare const WebSocket: new (url: string) => BrowserSocket;

const fromHex = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Extension 2.5.30.1 with its 32 raw bytes: the runtime's hash in an isolate's certificate. */
const runtimeExtension = (hash: string) => `0603551e010420${hash}`;

/** A session with the isolate: a request at a time. */
class Session {
  private received = new Uint8Array(0);
  private answered: (message: unknown[]) => void = () => undefined;

  private constructor(
    private readonly socket: BrowserSocket,
    private readonly tls: TlsSession,
  ) {}

  /** Opens TLS over a WebSocket; rejects when the isolate is not the one that is wanted. */
  static open(engine: TlsEngine, parameters: Parameters): Promise<Session> {
    const config = engine.configure({
      identity: {
        privateKey: fromHex(parameters.privateKey),
        chain: [fromHex(parameters.certificate)],
      },
      server: { authority: fromHex(parameters.authority), name: parameters.name },
    });
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(parameters.url);
      socket.binaryType = "arraybuffer";
      const tls = config.open("client");
      const session = new Session(socket, tls);
      socket.onerror = () => reject(new Error("the WebSocket was refused"));
      socket.onclose = ({ code }) => reject(new Error(`the WebSocket was closed with ${code}`));
      socket.onopen = () => session.flush();
      socket.onmessage = ({ data }) => {
        tls.feed(new Uint8Array(data));
        if (tls.status === SessionStatus.approval) {
          const shown = toHex(tls.peerCertificates()[0] ?? new Uint8Array(0));
          if (shown.includes(runtimeExtension(parameters.runtimeHash))) tls.approvePeer();
          else tls.rejectPeer();
        }
        session.flush();
        if (tls.status === SessionStatus.open) resolve(session);
        if (tls.status === SessionStatus.failed)
          reject(new Error(`TLS alert ${tls.alertSent ?? tls.alertReceived}`));
        session.take(tls.takePlaintext());
      };
    });
  }

  private flush(): void {
    const output = this.tls.takeOutput();
    if (output.length > 0) this.socket.send(output);
  }

  private take(plaintext: Uint8Array): void {
    const all = new Uint8Array(this.received.length + plaintext.length);
    all.set(this.received);
    all.set(plaintext, this.received.length);
    this.received = all;
    if (all.length < 4) return;
    const length = new DataView(all.buffer).getUint32(0);
    if (all.length < 4 + length) return;
    this.received = all.slice(4 + length);
    this.answered(decode(all.subarray(4, 4 + length)) as unknown[]);
  }

  /** Sends a request; its answer's fields, which must be of the wanted type and a success. */
  async ask(name: keyof typeof messages, fields: unknown[], wanted: keyof typeof messages) {
    const body = encode([messages[name].number, ...fields]);
    const framed = new Uint8Array(4 + body.length);
    new DataView(framed.buffer).setUint32(0, body.length);
    framed.set(body, 4);
    const answer = new Promise<unknown[]>((resolve) => {
      this.answered = resolve;
    });
    if (this.tls.write(framed) !== framed.length)
      throw new Error("the request was not taken whole");
    this.flush();
    const [type, status, ...rest] = await answer;
    if (type !== messages[wanted].number || status !== Status.SUCCESS)
      throw new Error(`${name} was answered ${JSON.stringify([type, status, ...rest])}`);
    return rest;
  }

  close(): void {
    this.tls.close();
    this.flush();
    this.socket.onclose = () => undefined;
    this.socket.close();
  }
}

async function takePart(parameters: Parameters): Promise<string> {
  const module = await (await fetch("/session-manager.wasm")).arrayBuffer();
  const session = await Session.open(
    new TlsEngine(instantiate(new Uint8Array(module))),
    parameters,
  );
  const [policyHash] = await session.ask("requestPolicyHash", [], "hash");
  if (toHex(policyHash as Uint8Array) !== parameters.policyHash)
    throw new Error("the isolate works under another policy");
  const { fileName, bytes } = parameters.input;
  const input = fromHex(bytes);
  await session.ask("data", [fileName, 0, input.length, input], "outcome");
  const [, , result] = await session.ask("requestResult", ["", "output", 0, 4096], "result");
  session.close();
  return toHex(result as Uint8Array);
}

const report: Report = { userAgent: navigator.userAgent };
try {
  const parameters = (await (await fetch("/parameters")).json()) as Parameters;
  report.result = await takePart(parameters);
} catch (error) {
  report.failure = (error as Error).message;
}
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
