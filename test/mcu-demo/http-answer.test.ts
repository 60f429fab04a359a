// The MCU client's reader of HTTP answers against RFC 9112, with Node's own as the judge of what is legal.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";

interface Exports {
  memory: WebAssembly.Memory;
  _initialize?(): void;
  inputPointer(): number;
  bodyPointer(): number;
  read(length: number): number;
  bodyBytes(): number;
  isDone(): number;
  connectionEnded(): number;
  status(): number;
  closes(): number;
}

const module = new WebAssembly.Module(readFileSync(wasmPath("testing/http-answer")));
const abort = () => assert.unreachable("abort");
const reader = new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as Exports;
reader._initialize?.();

interface Read {
  readonly taken: number;
  readonly done: boolean;
  readonly status: number;
  readonly body: string;
  readonly closes: boolean;
}

/** Reads one answer; `ends` when the connection ends behind these bytes. */
function read(text: string, ends = false): Read {
  const bytes = Buffer.from(text, "latin1");
  new Uint8Array(reader.memory.buffer, reader.inputPointer(), bytes.length).set(bytes);
  const taken = reader.read(bytes.length);
  const done = (ends ? reader.connectionEnded() : reader.isDone()) !== 0;
  const body = Buffer.from(reader.memory.buffer, reader.bodyPointer(), reader.bodyBytes());
  return {
    taken,
    done,
    status: reader.status(),
    body: body.toString("latin1"),
    closes: reader.closes() !== 0,
  };
}

/** What Node's client makes of the same bytes. */
async function node(text: string): Promise<{ status: number; body: string } | undefined> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end(Buffer.from(text, "latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    return await new Promise((resolve) => {
      const asked = request({ port, host: "127.0.0.1", method: "POST", agent: false }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", () => resolve(undefined));
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            body: Buffer.concat(parts).toString("latin1"),
          }),
        );
      });
      asked.on("error", () => resolve(undefined));
      asked.end();
    });
  } finally {
    server.close();
  }
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunks = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

interface Legal {
  readonly name: string;
  readonly answer: string;
  readonly body: string;
  readonly status?: number;
  readonly closes?: boolean;
  /** Its end is the connection's. */
  readonly ends?: boolean;
}

const legal: Legal[] = [
  { name: "a length", answer: `${ok}Content-Length: 3\r\n\r\nabc`, body: "abc" },
  {
    name: "a length in blanks and tabs",
    answer: `${ok}Content-Length: \t 3 \r\n\r\nabc`,
    body: "abc",
  },
  { name: "a length without a blank", answer: `${ok}CONTENT-LENGTH:3\r\n\r\nabc`, body: "abc" },
  { name: "a length of zero", answer: `${ok}Content-Length: 0\r\n\r\n`, body: "" },
  { name: "no reason phrase", answer: "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na", body: "a" },
  { name: "an empty field", answer: `${ok}X-Empty:\r\nContent-Length: 1\r\n\r\na`, body: "a" },
  {
    name: "a field of 3,000 bytes",
    answer: `${ok}X: ${"x".repeat(3000)}\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
  },
  {
    name: "a name that begins like another",
    answer: `${ok}Content-Length-X: 9\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
  },
  { name: "chunks", answer: `${chunks}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`, body: "abcde" },
  {
    name: "chunk sizes in hexadecimal",
    answer: `${chunks}00A\r\n0123456789\r\na\r\n9876543210\r\n0\r\n\r\n`,
    body: "01234567899876543210",
  },
  {
    name: "chunks with extensions",
    answer: `${chunks}3;name=value\r\nabc\r\n0;last\r\n\r\n`,
    body: "abc",
  },
  {
    name: "chunks with trailers",
    answer: `${chunks}3\r\nabc\r\n0\r\nX: y\r\nZ: z\r\n\r\n`,
    body: "abc",
  },
  { name: "no chunk but the last", answer: `${chunks}0\r\n\r\n`, body: "" },
  {
    name: "a coding in capitals",
    answer: `${ok}transfer-encoding:CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    body: "a",
  },
  {
    name: "an interim answer",
    answer: `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 1\r\n\r\na`,
    body: "a",
  },
  {
    name: "interim answers with fields",
    answer: `HTTP/1.1 102 P\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${ok}Content-Length: 1\r\n\r\na`,
    body: "a",
  },
  {
    name: "an end with the connection",
    answer: `${ok}\r\nabc`,
    body: "abc",
    closes: true,
    ends: true,
  },
  {
    name: "version 1.0",
    answer: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
    body: "a",
    closes: true,
  },
  {
    name: "version 1.0 until the end",
    answer: "HTTP/1.0 200 OK\r\n\r\nabc",
    body: "abc",
    closes: true,
    ends: true,
  },
  {
    name: "version 1.0 that keeps the connection",
    answer: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na",
    body: "a",
  },
  {
    name: "close",
    answer: `${ok}Connection: close\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
    closes: true,
  },
  {
    name: "close behind others",
    answer: `${ok}Connection: Keep-Alive, X-Hop ,CLOSE\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
    closes: true,
  },
  {
    name: "close before keep-alive",
    answer: `${ok}Connection: close, keep-alive\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
    closes: true,
  },
  {
    name: "close in a second field",
    answer: `${ok}Connection: keep-alive\r\nConnection: close\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
    closes: true,
  },
  {
    name: "no close in another word",
    answer: `${ok}Connection: closed, not-close\r\nContent-Length: 1\r\n\r\na`,
    body: "a",
  },
  { name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", body: "", status: 204 },
  {
    name: "not modified, with a length of what is not sent",
    answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    body: "",
    status: 304,
  },
  {
    name: "a refusal",
    answer: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nlate",
    body: "late",
    status: 503,
  },
];

for (const { name, answer, body, status = 200, closes = false, ends = false } of legal) {
  test(`legal: ${name}`, async () => {
    const ours = read(answer, ends);
    assert.equal(ours, { taken: answer.length, done: true, status, body, closes });
    assert.equal(await node(answer), { status, body }, "by Node");
    // Not whole before its last byte, whatever the connection does; and what follows is not taken.
    if (!ends) {
      assert.is(read(answer.slice(0, -1)).done, false);
      assert.is(read(`${answer}HTTP/1.1 `).taken, answer.length);
    }
  });
}

test("legal, though Node refuses some: folded lines, one length twice, line ends without CR", () => {
  for (const answer of [
    "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
    `HTTP/1.1 103 Hints\r\nContent-Length: 5\r\nConnection: close\r\n\r\n${ok}Content-Length: \t1\t\r\n\r\na`,
    `${ok}X: a\r\n b\r\nContent-Length:\r\n\t1\r\n\r\na`,
    `${ok}Content-Length: 1, 1\r\n\r\na`,
    `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  ])
    assert.equal([read(answer).done, read(answer).body], [true, "a"], answer);
});

test("a length beside chunks: the chunks count, and the connection is not used again", () => {
  const answer = `${ok}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`;
  assert.equal(read(answer), {
    taken: answer.length,
    done: true,
    status: 200,
    body: "a",
    closes: true,
  });
});

const illegal: Record<string, string> = {
  "no HTTP": "SSH-2.0-OpenSSH_9.2\r\n",
  "version 2": "HTTP/2.0 200 OK\r\n",
  "version 1.2": "HTTP/1.2 200 OK\r\n",
  "a status of two digits": "HTTP/1.1 20\r\n\r\n",
  "a status of four digits": "HTTP/1.1 2000 OK\r\n",
  "a status below 100": "HTTP/1.1 099 OK\r\n",
  "other protocols": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  "a blank before a colon": `${ok}Content-Length : 1\r\n\r\na`,
  "a line without a colon": `${ok}Content-Length\r\n\r\n`,
  "a field without a name": `${ok}: 1\r\n\r\n`,
  "a length that is no number": `${ok}Content-Length: 1a\r\n\r\n`,
  "a negative length": `${ok}Content-Length: -1\r\n\r\n`,
  "a length with a sign": `${ok}Content-Length: +1\r\n\r\n`,
  "a length with a blank in it": `${ok}Content-Length: 1 1\r\n\r\n`,
  "a length beyond what is taken": `${ok}Content-Length: 65537\r\n\r\n`,
  "a length that wraps": `${ok}Content-Length: 4294967297\r\n\r\n`,
  "a length of many digits": `${ok}Content-Length: ${"0".repeat(30)}1\r\n\r\n`,
  "two lengths": `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  "two lengths in one": `${ok}Content-Length: 1, 2\r\n\r\n`,
  "another coding": `${ok}Transfer-Encoding: gzip\r\n\r\n`,
  "chunks behind another coding": `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  "chunks twice": `${ok}Transfer-Encoding: chunked, chunked\r\n\r\n`,
  "a coding with more behind": `${ok}Transfer-Encoding: chunked x\r\n\r\n`,
  "a chunk without a size": `${chunks}\r\nabc`,
  "a chunk's size that is no number": `${chunks}g\r\n`,
  "a negative chunk": `${chunks}-1\r\n`,
  "a chunk beyond what is taken": `${chunks}10001\r\n`,
  "a chunk's size that wraps": `${chunks}100000001\r\n`,
  "a chunk that is longer than its size": `${chunks}1\r\nab`,
  "an extension without a size": `${chunks};x\r\n`,
  "a head without end": `${ok}X: ${"x".repeat(5000)}`,
  "interim answers without end": "HTTP/1.1 100 C\r\n\r\n".repeat(300),
  "an extension without end": `${chunks}1;${"x".repeat(5000)}`,
  "trailers without end": `${chunks}0\r\n${"X: y\r\n".repeat(900)}`,
  "a body without end": `${ok}\r\n${"x".repeat(70_000)}`,
  "chunks without end": `${chunks}${`8000\r\n${"x".repeat(32768)}\r\n`.repeat(3)}`,
};
for (const [name, answer] of Object.entries(illegal)) {
  test(`refused: ${name}`, () => {
    const { taken, done } = read(answer, true);
    assert.ok(taken < 0, `${taken} of ${answer.length} bytes taken`);
    assert.is(done, false);
  });
}

test("cut short is not whole, at whatever byte, when the connection ends", () => {
  for (const { answer, ends } of legal)
    if (ends !== true)
      for (let length = 0; length < answer.length; length++)
        assert.is(read(answer.slice(0, length), true).done, false, answer.slice(0, length));
});

test.run();
