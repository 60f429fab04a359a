// Runs in a browser: a principal of a computation whose TLS is the project's own session manager, over a
// WebSocket. It reports to the test that serves this page.
import { decode, encode } from "@msgpack/msgpack";
import { describeAlert, describeRefusal } from "../../host/session-manager/alerts.js";
import {
  Group,
  groupName,
  instantiate,
  Status as SessionStatus,
  TlsEngine,
  type TlsSession,
} from "../../host/session-manager/engine.js";
import { messages, Status } from "../../host/transport-protocol/messages.js";
import {
  type AdmissionRequest,
  admissionHeaders,
  NONCE_PATH,
  signatureBase,
} from "../../host/veracruz-utils/admission.js";

/** Why a TLS session failed, in words. */
function failure({ refusal, alertSent, alertReceived }: TlsSession): string {
  if (alertSent !== undefined) return `TLS refused, ${describeRefusal(refusal ?? alertSent)}`;
  if (alertReceived !== undefined) return `TLS alert received: ${describeAlert(alertReceived)}`;
  return "the TLS session ended in the middle";
}

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
  hybridRequired: boolean;
  input: { fileName: string; bytes: string };
}

/** What the page tells the test. */
export interface Report {
  userAgent: string;
  /** How the session's keys were agreed on. */
  keyExchange?: string;
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
  send(bytes: Uint8Array | string): void;
  close(): void;
}
declare const navigator: { readonly userAgent: string };
declare const WebSocket: new (url: string) => BrowserSocket;

const fromHex = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Where the server's nonce is, and its name as in `Host`, from the address of its WebSocket. */
const httpOf = (url: string) => new URL(url.replace(/^ws/, "http"));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const base64url = (bytes: Uint8Array) =>
  base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const ascii = (text: string) => new TextEncoder().encode(text);

/**
 * The signature by which the server lets a principal in before strangers: the first message, since a page
 * cannot set headers of a WebSocket.
 */
async function signature(parameters: Parameters): Promise<string> {
  const { host, origin, pathname } = httpOf(parameters.url);
  const nonce = (await (await fetch(origin + NONCE_PATH)).text()).trim();
  const certificate = fromHex(parameters.certificate);
  const named = new Uint8Array([...ascii(nonce), ...certificate]);
  const keyId = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", named)));
  const random = toHex(crypto.getRandomValues(new Uint8Array(16)));
  const request: AdmissionRequest = {
    method: "GET",
    authority: host,
    target: pathname,
    policyHash: parameters.policyHash,
    keyId,
    nonce,
    bound: ["veracruz-client-nonce", random],
  };
  // The last 65 bytes of a P-256 certificate's key information: 04, x, y.
  const at = parameters.certificate.indexOf("03420004") + 8;
  const point = fromHex(parameters.certificate.slice(at, at + 128));
  const jwk = {
    kty: "EC",
    crv: "P-256",
    d: base64url(fromHex(parameters.privateKey)),
    x: base64url(point.subarray(0, 32)),
    y: base64url(point.subarray(32)),
  };
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
  const signed = await crypto.subtle.sign(algorithm, key, ascii(signatureBase(request)));
  return Object.entries(admissionHeaders(request, base64(new Uint8Array(signed))))
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
}

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
  static async open(engine: TlsEngine, parameters: Parameters): Promise<Session> {
    // Without a nonce, which only pages of allowed origins can read, the request goes unsigned.
    const first = await signature(parameters).catch(() => undefined);
    const config = engine.configure({
      identity: {
        privateKey: fromHex(parameters.privateKey),
        chain: [fromHex(parameters.certificate)],
      },
      server: { authority: fromHex(parameters.authority), name: parameters.name },
      ...(parameters.hybridRequired && { groups: Group.x25519mlkem768 }),
    });
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(parameters.url);
      socket.binaryType = "arraybuffer";
      const tls = config.open("client");
      const session = new Session(socket, tls);
      socket.onerror = () => reject(new Error("the WebSocket was refused"));
      socket.onclose = ({ code }) => reject(new Error(`the WebSocket was closed with ${code}`));
      socket.onopen = () => {
        if (first !== undefined) socket.send(first);
        session.flush();
      };
      socket.onmessage = ({ data }) => {
        tls.feed(new Uint8Array(data));
        if (tls.status === SessionStatus.approval) {
          const [shown = "", ...others] = tls.peerCertificates().map(toHex);
          // The CA itself has issued it: as every client demands, no intermediate.
          const direct = others.every((other) => other === parameters.authority);
          if (direct && shown.includes(runtimeExtension(parameters.runtimeHash))) tls.approvePeer();
          else tls.rejectPeer();
        }
        session.flush();
        if (tls.status === SessionStatus.open) resolve(session);
        if (tls.status === SessionStatus.failed) reject(new Error(failure(tls)));
        session.take(tls.takePlaintext());
      };
    });
  }

  get keyExchange(): string {
    return groupName(this.tls.negotiated.group);
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

/** Reads a file in pieces, all of one round. */
async function read(session: Session, fileName: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let round: unknown = 0;
  for (let offset = 0; ; ) {
    const request = [round, "", fileName, offset, 4096];
    const answer = await session.ask("requestResult", request, "result");
    const [of, , total, , bytes] = answer as [number, string, number, number, Uint8Array];
    if (offset > 0 && of !== round) throw new Error("a piece of another round");
    round = of;
    pieces.push(bytes);
    offset += bytes.length;
    if (offset >= total) return fromHex(pieces.map(toHex).join(""));
  }
}

async function takePart(parameters: Parameters, report: Report): Promise<void> {
  const module = await (await fetch("/session-manager.wasm")).arrayBuffer();
  const session = await Session.open(
    new TlsEngine(instantiate(new Uint8Array(module))),
    parameters,
  );
  report.keyExchange = session.keyExchange;
  const [policyHash] = await session.ask("requestPolicyHash", [], "hash");
  if (toHex(policyHash as Uint8Array) !== parameters.policyHash)
    throw new Error("the isolate works under another policy");
  const { fileName, bytes } = parameters.input;
  const input = fromHex(bytes);
  await session.ask("data", [fileName, 0, input.length, input], "outcome");
  report.result = toHex(await read(session, "output"));
  session.close();
}

const report: Report = { userAgent: navigator.userAgent };
try {
  const parameters = (await (await fetch("/parameters")).json()) as Parameters;
  await takePart(parameters, report);
} catch (error) {
  report.failure = (error as Error).message;
}
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
