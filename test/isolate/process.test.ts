// The host isolate as a process: its port, its health, its end.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readU32 } from "../../host/common/leb128.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { newControlKey, proveControlKey } from "../../host/isolate/control-key.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  type Message,
  type MessageIn,
} from "../../host/transport-protocol/index.js";

const folder = mkdtempSync(join(tmpdir(), "vc-isolate-test-"));
const keyFile = join(folder, "device.key");
const cli = join(projectRoot, "build/js/host/isolate/cli.js");

interface Started {
  process: ChildProcess;
  port: number;
  lines: Record<string, unknown>[];
}

/** Starts an isolate on a free port and waits until it listens. */
async function start(...args: string[]): Promise<Started> {
  const child = spawn(
    process.execPath,
    [cli, "--root-of-trust", keyFile, "--listen", "127.0.0.1:0", "--user", "root", ...args],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const lines: Record<string, unknown>[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line);
      lines.push(entry);
      if (entry.msg === "listening") resolve(Number(entry.address.split(":")[1]));
    });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.once("exit", () => reject(new Error(errors)));
  });
  return { process: child, port, lines };
}

class Connection {
  private readonly reader = new FrameReader(100_000);
  private readonly waiting: ((answer: MessageIn<"isolateAnswer">) => void)[] = [];

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      for (const bytes of this.reader.push(chunk)) {
        this.waiting.shift()?.(decodeMessage("isolateAnswer", bytes));
      }
    });
  }

  request(message: Message): Promise<MessageIn<"isolateAnswer">> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.socket.write(frame(encodeMessage(message)));
    });
  }
}

async function open(port: number): Promise<Connection> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return new Connection(socket);
}

test("somebody on the control port is not taken for the server that has the key", async () => {
  const key = newControlKey();
  const file = join(folder, "control.key");
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  const isolate = await start("--control-key", file);
  const trusts = (lines: Started["lines"]) =>
    lines.some(({ msg }) => msg === "any server that connects is trusted");
  assert.not.ok(trusts(isolate.lines));
  const health = frame(encodeMessage({ type: "health", id: 1 }));
  // Without the key: frames as a server sends them, and a proof of nothing.
  for (const words of [health, Buffer.alloc(32), Buffer.concat([Buffer.alloc(32), health])]) {
    const socket = connect(isolate.port, "127.0.0.1");
    await once(socket, "connect");
    let heard = 0;
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.length;
    });
    socket.on("error", () => undefined);
    if (words === health) socket.end(words);
    else socket.write(words);
    await once(socket, "close");
    assert.is(heard, 32, "the challenge, and nothing else");
  }
  const socket = connect(isolate.port, "127.0.0.1");
  await once(socket, "connect");
  await proveControlKey(socket, Buffer.from(key, "hex"));
  const answer = await new Connection(socket).request({ type: "health", id: 7 });
  assert.is(answer.type, "healthIs");
  socket.destroy();
  isolate.process.kill("SIGTERM");
  await once(isolate.process, "close");
});

test("a control key that others may read is refused; without one the isolate says whom it trusts", async () => {
  const file = join(folder, "open.key");
  writeFileSync(file, `${newControlKey()}\n`, { mode: 0o600 });
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(file, mode);
    const error = await start("--control-key", file).then(
      () => new Error("it started"),
      (each: Error) => each,
    );
    assert.match(error.message, /may be used by others/);
  }
  const open = await start();
  assert.ok(open.lines.some(({ msg }) => msg === "any server that connects is trusted"));
  open.process.kill("SIGTERM");
  await once(open.process, "close");
});

test("starts, names what it measured, answers health and state, and ends on SIGTERM", async () => {
  const isolate = await start();
  const measurement = createHash("sha256")
    .update(readFileSync(wasmPath("runtime")))
    .digest("hex");
  assert.is(isolate.lines.find(({ msg }) => msg === "listening")?.measurement, measurement);
  assert.match(JSON.stringify(isolate.lines), /DEVELOPMENT-GRADE/);
  assert.is(statSync(keyFile).mode & 0o777, 0o600);

  const connection = await open(isolate.port);
  const health = await connection.request({ type: "health", id: 7 });
  assert.is(health.type, "healthIs");
  if (health.type === "healthIs") {
    assert.equal([health.id, health.kind, health.running], [7, "linux", 0]);
    assert.is(Buffer.from(health.runtimeHash).toString("hex"), measurement);
    assert.is(health.lifecycle, 0x4000);
  }
  const state = await connection.request({ type: "runtimeState", id: 8 });
  assert.is((state as { state: number }).state, 0);
  isolate.process.kill("SIGTERM");
  const [code] = await once(isolate.process, "exit");
  assert.is(code, 0);
});

test("says how the runtime is hosted: native code, interpreted on request, with one measurement", async () => {
  const listening = async (...args: string[]) => {
    const isolate = await start(...args);
    isolate.process.kill("SIGTERM");
    await once(isolate.process, "exit");
    return isolate.lines.find(({ msg }) => msg === "listening") ?? {};
  };
  const [native, named, interpreted] = await Promise.all([
    listening(),
    listening("--host", "c"),
    listening("--host", "wasm3"),
  ]);
  assert.equal([native?.host, named?.host, interpreted?.host], ["c", "c", "wasm3"]);
  assert.is(native?.measurement, interpreted?.measurement);

  // Nobody has translated this one.
  const other = join(folder, "other.wasm");
  writeFileSync(other, Buffer.concat([readFileSync(wasmPath("runtime")), Buffer.from([0, 1, 0])]));
  assert.is((await listening("--runtime", other)).host, "wasm3");
  const refused = await start("--runtime", other, "--host", "c").catch((error: Error) => error);
  assert.match(String(refused), /cannot start: there is no native code for the module/);
});

test("ends with its standard input where that is asked for, and only there", async () => {
  const [asked, other] = await Promise.all([start("--end-with-input"), start()]);
  other.process.stdin?.destroy();
  asked.process.stdin?.destroy();
  const [code] = await once(asked.process, "exit");
  assert.is(code, 0);
  assert.match(JSON.stringify(asked.lines), /"reason":"standard input ended","msg":"ended"/);
  const connection = await open(other.port);
  assert.is((await connection.request({ type: "health", id: 1 })).type, "healthIs");
  connection.socket.destroy();
  // An open pipe keeps no isolate that is to end.
  const signalled = await start("--end-with-input");
  for (const { process } of [other, signalled]) {
    process.kill("SIGTERM");
    assert.is((await once(process, "exit"))[0], 0);
  }
});

test("takes one connection at a time, and the next one after it ends; bad frames end theirs only", async () => {
  const isolate = await start();
  const first = await open(isolate.port);
  await first.request({ type: "health", id: 1 });
  const second = connect(isolate.port, "127.0.0.1");
  await once(second, "close");
  first.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  await once(first.socket, "close");
  const third = await open(isolate.port);
  assert.is((await third.request({ type: "health", id: 2 })).type, "healthIs");
  third.socket.destroy();
  isolate.process.kill("SIGINT");
  const [code] = await once(isolate.process, "exit");
  assert.is(code, 0);
});

test("a server that leaves and comes again at once is taken", async () => {
  const isolate = await start();
  const health = { type: "health", id: 1 } as const;
  try {
    let last = await open(isolate.port);
    for (let turn = 0; turn < 50; turn++) {
      assert.is((await last.request(health)).type, "healthIs");
      last.socket.destroy();
      last = await open(isolate.port);
      last.socket.on("error", () => undefined);
      const refused = once(last.socket, "close").then(() => undefined);
      const answer = await Promise.race([last.request(health), refused]);
      assert.is(answer?.type, "healthIs", `refused at turn ${turn}`);
    }
  } finally {
    isolate.process.kill("SIGTERM");
  }
  await once(isolate.process, "exit");
});

test("a runtime that traps ends the process, with the reason", async () => {
  // The real module, with the body of the function behind one export broken.
  const broken = join(folder, "broken.wasm");
  writeFileSync(broken, trapping("handleFrame"));
  const isolate = await start("--runtime", broken, "--end-with-input");
  const connection = await open(isolate.port);
  connection.socket.on("error", () => {});
  connection.socket.write(frame(encodeMessage({ type: "runtimeState", id: 1 })));
  const [code] = await once(isolate.process, "exit");
  assert.is(code, 3);
  assert.match(JSON.stringify(isolate.lines), /unreachable.*runtime trapped/);
});

test("wrong arguments and files: one line, no stack", async () => {
  for (const [args, message] of [
    [["--listen", "nowhere"], /expected host:port/],
    [["--runtime", "none.wasm"], /cannot read the runtime "none.wasm": no such file/],
    [["--runtime", keyFile], /cannot start/],
    [["--memory", "10"], /at least 262144 bytes/],
    [
      ["--root-of-trust", join(folder, "none", "device.key")],
      /^vc-isolate: cannot start: cannot write ".*device\.key": no such folder\n$/,
    ],
  ] as const) {
    try {
      await start(...args);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, message);
      assert.not.match((error as Error).message, /\n\s+at /);
    }
  }
});

/** The runtime with `unreachable` as the first instruction of an exported function. */
function trapping(name: string): Uint8Array {
  const module = readFileSync(wasmPath("runtime"));
  const sections: { id: number; at: number; start: number; end: number }[] = [];
  const leb = (at: number) => readU32(module, at);
  for (let at = 8; at < module.length; ) {
    const [length, start] = leb(at + 1);
    sections.push({ id: module[at] as number, at, start, end: start + length });
    at = start + length;
  }
  const section = (id: number) => sections.find((each) => each.id === id) as (typeof sections)[0];
  let imports = 0;
  let [left, at] = leb(section(2).start);
  for (; left > 0; left--) {
    for (let names = 0; names < 2; names++) {
      const [length, start] = leb(at);
      at = start + length;
    }
    imports++;
    at = leb(at + 1)[1];
  }
  let index = -1;
  [left, at] = leb(section(7).start);
  for (; left > 0; left--) {
    const [length, start] = leb(at);
    const text = module.subarray(start, start + length).toString();
    const [target, after] = leb(start + length + 1);
    if (text === name) index = target - imports;
    at = after;
  }
  [left, at] = leb(section(10).start);
  for (let body = 0; body < left; body++) {
    const [length, start] = leb(at);
    if (body === index) {
      // Behind the declarations of locals.
      let [groups, code] = leb(start);
      for (; groups > 0; groups--) code = leb(code)[1] + 1;
      const broken = Uint8Array.from(module);
      broken[code] = 0x00;
      // What follows is unreachable, so that any operand types do; fill with nop up to the last end.
      broken.fill(0x01, code + 1, start + length - 1);
      return broken;
    }
    at = start + length;
  }
  throw new Error(`no body of ${name}`);
}

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
