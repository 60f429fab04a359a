// What the client's firmware does when things go wrong: a code and a line for each, and nothing secret
// sent to whom the policy does not mean.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hosts, make, mcuBuildFolder, missingTools, runCommand } from "../../host/mcu/toolchain.js";
import { buildClient, LOOPBACK_FROM_BOARD } from "../../host/mcu-client/device.js";
import { processIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { skip } from "../support/shared.js";
import { makePolicy, System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const SAMPLE = "shamir-secret-sharing";
const share = Uint8Array.from({ length: 3000 }, (_, index) => (index === 0 ? 1 : index & 0xff));
const data = { "input-0": share };

/** Between a device and the server: may change the server's answers, or cut the connection. */
class Meddler {
  /** Told of each whole answer to a POST and its number; answers what to send on, or undefined to cut. */
  answer: (bytes: Buffer, count: number) => Buffer | undefined = (bytes) => bytes;
  /** Everything that the device sent. */
  readonly fromDevice: Buffer[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly to: { host: string; port: number },
  ) {}

  static async start(to: { host: string; port: number }): Promise<Meddler> {
    const server = createServer();
    const meddler = new Meddler(server, to);
    server.on("connection", (device) => meddler.join(device));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return meddler;
  }

  get address(): { host: string; port: number } {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return { host: LOOPBACK_FROM_BOARD, port: address.port };
  }

  private join(device: Socket): void {
    this.connections++;
    const upstream = connect(this.to);
    let count = 0;
    for (const socket of [device, upstream]) {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    // The server's nonce is asked for first, by a GET.
    let asksForNonce = false;
    device.on("data", (bytes: Buffer) => {
      const method = bytes.subarray(0, 4).toString("latin1");
      if (method === "GET " || method === "POST") asksForNonce = method === "GET ";
      this.fromDevice.push(bytes);
      upstream.write(bytes);
    });
    let answer = Buffer.alloc(0);
    upstream.on("data", (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes]);
      if (!isWhole(answer)) return;
      const changed = asksForNonce ? answer : this.answer(answer, ++count);
      answer = Buffer.alloc(0);
      if (changed === undefined) device.destroy();
      else device.write(changed);
    });
    device.on("close", () => upstream.destroy());
    upstream.on("close", () => device.destroy());
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** Whether these bytes are a whole HTTP answer: its head, and as many bytes as that announces. */
function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf("\r\n\r\n");
  const length = /^content-length: (\d+)/im.exec(bytes.subarray(0, end).toString("latin1"))?.[1];
  return end >= 0 && bytes.length >= end + 4 + Number(length);
}

/** Changes one character of the last TLS record in an answer of the server. */
function corrupted(answer: Buffer): Buffer {
  const copy = Buffer.from(answer);
  const at = copy.length - 12;
  copy[at] = copy[at] === 0x41 ? 0x42 : 0x41;
  return copy;
}

const missing = missingTools();
if (missing) skip(12, missing);
else {
  let system: System;
  test.before(async () => {
    await buildClient("mps2-an385", "c", SAMPLE);
    // Other parts of the policy stay free: another policy of the same isolate is made from this one.
    system = await System.start(threeDevices(SAMPLE));
  });
  test.after(async () => {
    await system.stop();
  });

  /** Runs a device to its end: its exit code, and what it printed. */
  const run = async (options: Parameters<typeof startDevice>[1]) => {
    const device = startDevice(system, { data, ...options });
    const code = await device.ended;
    return { code, output: device.lines.join("\n") };
  };
  /** A policy that differs from the isolate's in one way, so that the client's hash of it does, too. */
  const changed = (changes: Partial<PolicyDocument>) => {
    const document = makePolicy(system.attestation, threeDevices(SAMPLE));
    return new Policy(Buffer.from(JSON.stringify({ ...document, ...changes })));
  };

  test("an isolate from another CA is refused", async () => {
    const other = makeCertificate({ commonName: "Another CA", ca: true });
    const { code, output } = await run({
      content: { policy: changed({ proxy_service_cert: other.pem }) },
    });
    assert.is(code, 7, output);
    assert.match(output, /vc: error -7 CHAIN, connecting, alert unknown_ca sent, reason 43/);
    assert.not.match(output, /sent input/);
  });

  test("an isolate with another runtime is refused", async () => {
    const hash = createHash("sha256").update("another runtime").digest("hex");
    const { code, output } = await run({
      content: { policy: changed({ runtime_manager_hash_linux: hash }) },
    });
    assert.is(code, 10, output);
    assert.match(output, /vc: error -10 RUNTIME_HASH, connecting/);
    assert.not.match(output, /sent input/);
  });

  test("a runtime that the policy names for another kind of isolate is refused", async () => {
    const { runtime_manager_hash_linux: hash, ...rest } = makePolicy(
      system.attestation,
      threeDevices(SAMPLE),
    );
    const document = { ...rest, runtime_manager_hash_mcu: hash };
    const policy = new Policy(Buffer.from(JSON.stringify(document)));
    const { code, output } = await run({ content: { policy } });
    assert.is(code, 8, output);
    assert.match(output, /vc: error -8 KIND, connecting/);
  });

  test("a development-grade isolate is refused where the policy does not allow one", async () => {
    const { code, output } = await run({
      content: { policy: changed({ allow_development: false }) },
    });
    assert.is(code, 9, output);
    assert.match(output, /vc: error -9 LIFECYCLE, connecting, detail 16384/);
  });

  test("a genuine isolate under another policy gets nothing", async () => {
    const { code, output } = await run({ content: { policy: changed({ debug: true }) } });
    assert.is(code, 11, output);
    assert.match(output, /vc: error -11 POLICY_HASH, connecting/);
    assert.not.match(output, /sent input/);
  });

  test("a corrupted record ends the session; the device connects again and is done", async () => {
    const meddler = await Meddler.start(system.address);
    let done = false;
    // The fourth answer of the first connection, after those of the handshake and to the commit: the outcome of the first piece.
    meddler.answer = (bytes, count) => {
      if (done || count !== 4) return bytes;
      done = true;
      return corrupted(bytes);
    };
    try {
      const { code, output } = await run({ content: { server: meddler.address } });
      assert.match(output, /vc: error -6 TLS, sending, alert bad_record_mac sent, reason 22/);
      assert.match(output, /device: the session was lost[\s\S]*device: sent input-0, 3000 bytes/);
      assert.is(code, 0, output);
      // What the device sent is TLS in base64: nothing of the share is readable in it.
      const sent = Buffer.concat(meddler.fromDevice).toString("latin1");
      assert.not.match(sent, new RegExp(Buffer.from(share.subarray(1, 31)).toString("base64")));
    } finally {
      await meddler.stop();
    }
  });

  test("a server that vanishes in mid-session, and comes back, loses nothing but the session", async () => {
    const meddler = await Meddler.start(system.address);
    const gone = new Set<number>();
    meddler.answer = (bytes, count) => {
      if (count === 3 && gone.size < 2 && !gone.has(meddler.connections)) {
        gone.add(meddler.connections);
        return undefined;
      }
      return bytes;
    };
    try {
      const { code, output } = await run({
        name: "device-1",
        data: { "input-1": share },
        content: { server: meddler.address },
      });
      // Cut twice: in the middle of a file, and in the next session's beginning.
      assert.is(output.match(/vc: error -13 CLOSED/g)?.length, 2, output);
      assert.match(output, /vc: error -13 CLOSED, sending/);
      assert.match(output, /device: sent input-1, 3000 bytes/, output);
      assert.is(code, 0, output);
    } finally {
      await meddler.stop();
    }
  });

  test("while nobody answers, it tries again, later and later", async () => {
    const meddler = await Meddler.start(system.address);
    const address = meddler.address;
    await meddler.stop();
    const device = startDevice(system, {
      name: "device-2",
      data: { "input-2": share },
      content: { server: address },
    });
    try {
      await device.line(/vc: error -3 CONNECT, connecting/);
      const [, first] = await device.line(/^vc: trying again in (\d+) ms/);
      await device.line(/^vc: trying again in (1[0-9]{3}) ms/);
      assert.ok(Number(first) >= 500 && Number(first) <= 625, `${first}`);
    } finally {
      await device.close();
    }
  });

  /** A server that answers each request with these bytes. */
  const impostor = async (answer: Buffer) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      let asked = "";
      socket.on("data", (bytes) => {
        asked += bytes.toString("latin1");
        if (/^GET [\s\S]*\r\n\r\n$/.test(asked)) {
          // It knows nothing of nonces: the device goes on without a signature.
          asked = "";
          socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
          return;
        }
        if (asked.endsWith("=") || isWhole(Buffer.from(asked, "latin1"))) socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    const device = startDevice(system, {
      data,
      content: { server: { host: LOOPBACK_FROM_BOARD, port: address.port } },
    });
    try {
      return (await device.line(/^vc: error .*/))[0];
    } finally {
      await device.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  };
  const http = (status: number, body: string, more = "") =>
    Buffer.from(
      `HTTP/1.1 ${status} Something\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`,
    );

  test("what a false server says has a code each, and takes no memory that is not there", async () => {
    const record = (type: number, length: number) =>
      Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 0xff]), Buffer.alloc(length)]);
    const tls = (bytes: Buffer) => http(200, `7 ${bytes.toString("base64")}`);
    const rows: [answer: Buffer, line: RegExp][] = [
      [Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), /-4 HTTP, connecting/],
      [http(200, "7 abc"), /-4 HTTP/], // no whole base64
      [http(200, "0 "), /-4 HTTP/], // no session
      [http(200, "99999999999 "), /-4 HTTP/],
      [http(200, "", "Transfer-Encoding: gzip\r\n"), /-4 HTTP/],
      [http(200, "x".repeat(70_000)), /-4 HTTP/],
      [http(200, "7 ", `X-Long: ${"y".repeat(5000)}\r\n`), /-4 HTTP/],
      [
        http(503, "the isolate is \u001b[31mstarting"),
        /-5 SERVER, .*detail 503: the isolate is \[31m/,
      ],
      // A handshake message of 16 KiB: refused by its header, before anything is allocated for it.
      [tls(record(22, 16_384)), /-6 TLS, connecting, alert illegal_parameter sent, reason 15/],
      [tls(record(23, 16_640)), /-6 TLS, connecting, alert unexpected_message sent, reason 11/],
      [tls(record(21, 2)), /-6 TLS, connecting/],
    ];
    for (const [answer, line] of rows) {
      const said = await impostor(answer);
      assert.match(said, line, `${line}: ${said}`);
    }
  });

  test("an isolate whose memory is exhausted refuses the file, and the session goes on", async () => {
    const small = await System.start({
      ...threeDevices(SAMPLE),
      attestation: system.attestation,
      server: {
        isolate: processIsolate({
          rootOfTrust: system.attestation.rootOfTrust,
          runtime: system.attestation.runtime,
          memory: 400 * 1024,
        }),
      },
    });
    try {
      const size = 60_000;
      const codes: number[] = [];
      const outputs: string[] = [];
      for (const name of ["0", "1", "2"]) {
        const device = startDevice(small, {
          name: `device-${name}`,
          data: { [`input-${name}`]: new Uint8Array(size).fill(1) },
        });
        codes.push(await device.ended);
        outputs.push(device.lines.join("\n"));
      }
      const refused = codes.filter((code) => code !== 0);
      assert.ok(refused.length > 0 && refused.length < 3, `${codes}: ${outputs.join("\n")}`);
      for (const [index, code] of codes.entries()) {
        if (code !== 0)
          assert.match(
            outputs[index] ?? "",
            /vc: error -(19|20) \w+, sending.*does not fit/,
            outputs[index],
          );
      }
      // It still serves.
      const owner = await small.connect("owner");
      assert.is((await owner.state()).state, 1);
      await owner.close();
    } finally {
      await small.stop();
    }
  });

  test("calls out of order and with wrong arguments have a code and a line each, compiled or interpreted", async () => {
    const nobody = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => nobody.once("listening", resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    for (const host of hosts) {
      const IMAGE = "client-selftest";
      await make({ BOARD: "mps2-an385", HOST: host, IMAGE });
      const image = join(mcuBuildFolder, "mps2-an385", `client-${host}`, `${IMAGE}.elf`);
      const { code, output } = await run({
        image,
        host,
        content: { server: { host: LOOPBACK_FROM_BOARD, port } },
      });
      assert.is(code, 0, output);
      const codes = [...output.matchAll(/^selftest: (.*): (-?\d+)$/gm)].map((m) => [m[1], m[2]]);
      assert.equal(
        codes,
        [
          ["send before connecting", "-25"],
          ["program before connecting", "-25"],
          ["result before connecting", "-25"],
          ["shutdown before connecting", "-25"],
          ["send without a name", "-24"],
          ["send nothing of a length", "-24"],
          ["result without a place", "-24"],
          ["connect without a configuration", "-24"],
          ["connect with an empty configuration", "-1"],
          ["connect with a certificate that is none", "-1"],
          ["connect with a key that is none", "-1"],
          ["connect with an authority that is too long", "-1"],
          ["connect to no address", "-3"],
          ["connect under a policy that has expired", "-27"],
          ["connect to nobody", "-3"],
          ["send after that", "-25"],
        ],
        output,
      );
      // Each has its line, those that were tried again one for each attempt.
      assert.is(
        output.match(/^vc: error -\d+ [A-Z_]+, [a-z ]+, (?:detail|alert) /gm)?.length,
        18,
        output,
      );
      const delays = [...output.matchAll(/^vc: trying again in (\d+) ms$/gm)].map((m) =>
        Number(m[1]),
      );
      assert.is(delays.length, 2, output);
      assert.ok((delays[0] ?? 0) >= 8 && (delays[0] ?? 0) <= 10 && (delays[1] ?? 0) >= 16, output);
    }
  });

  test("a client with too little memory says so and sends nothing; with enough it is done", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vc-small-client-"));
    const name = "device-2";
    const data = { "input-2": share };
    try {
      // So little that no session fits; so little that the module cannot even start.
      for (const [bytes, code, line] of [
        [29_696, 14, /vc: error -14 MEMORY, connecting/],
        [16_384, 26, /vc: error -26 MODULE, starting, detail 0: unreachable executed/],
      ] as const) {
        const image = await buildSmallClient(join(folder, String(bytes)), bytes);
        const { code: ended, output } = await run({ image, name, data });
        assert.is(ended, code, output);
        assert.match(output, line);
        assert.not.match(output, /sent input|fault/);
      }
      const { code, output } = await run({ name, data });
      assert.is(code, 0, output);
      assert.match(output, /device: sent input-2, 3000 bytes/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** An image whose client has only this much memory, in a folder of its own; its path. */
async function buildSmallClient(folder: string, bytes: number): Promise<string> {
  mkdirSync(folder);
  const module = join(folder, "client.wasm");
  await runCommand("node_modules/.bin/asc", [
    ...[
      "assembly/mcu-client/index.ts",
      "--config",
      "assembly/asconfig.json",
      "--target",
      "runtime",
    ],
    ...["--lowMemoryLimit", String(bytes), "--outFile", module],
  ]);
  await make({
    ...{ BOARD: "mps2-an385", HOST: "c", IMAGE: `samples/${SAMPLE}` },
    ...{ OUT: folder, OBJECTS_OUT: join(folder, "objects") },
    ...{ client_WASM: module, client_MEMORY_BYTES: String(bytes) },
  });
  return join(folder, "samples", `${SAMPLE}.elf`);
}

test.run();
