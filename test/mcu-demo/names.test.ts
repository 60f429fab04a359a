// The client over lwIP with names and IPv6: compiled for every board with warnings as errors, and run on an emulated
// one, whose name server is this test.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { boardNames } from "../../host/mcu/boards.js";
import { hasTwoWorlds, make, mcuBuildFolder, missingTools } from "../../host/mcu/toolchain.js";
import { LOOPBACK_FROM_BOARD } from "../../host/mcu-client/device.js";
import { skip } from "../support/shared.js";
import { System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const BOARD = "mps2-an385";
/** The IPv6 loopback interface of the emulator's computer, as the emulated network has it. */
const LOOPBACK6_FROM_BOARD = "fec0::2";
const [A, AAAA] = [1, 28];
const NAME_ERROR = 3;
const E_CONNECT = -3;

/** What the name server knows: an address by type of record (RFC 1035, RFC 3596). */
const names: Record<string, { type: number; address: Buffer }> = {
  "four.example": { type: A, address: Buffer.from([10, 0, 2, 2]) },
  "six.example": { type: AAAA, address: Buffer.from(`fec0${"0".repeat(24)}0002`, "hex") },
};

/** A name server for `names`; it answers as an authority does, one question at a time. */
async function nameServer(): Promise<{ socket: Socket; port: number; asked: string[] }> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const end = at + 5; // the root label, type and class
    const type = query.readUInt16BE(at + 1);
    const name = labels.join(".");
    asked.push(`${name} ${type}`);
    const known = names[name];
    const records = known?.type === type ? [known.address] : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (known ? 0 : NAME_ERROR), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const answers = records.map((address) => {
      const head = Buffer.from("c00c0000000100000e100000", "hex"); // the name above; an hour
      head.writeUInt16BE(type, 2);
      head.writeUInt16BE(address.length, 10);
      return Buffer.concat([head, address]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, end), ...answers]), from.port);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, port: socket.address().port, asked };
}

/** Takes connections at one address to another; the first bytes of each. */
async function forward(host: string, to: { host: string; port: number }) {
  const heads: string[] = [];
  const server: Server = createServer((socket) => {
    const upstream = connect(to);
    socket.once("data", (head) => heads.push(head.toString("latin1")));
    socket.pipe(upstream).pipe(socket);
    for (const each of [socket, upstream]) each.on("error", () => each.destroy());
  });
  server.listen(0, host);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port, heads };
}

const missing = missingTools();
if (missing) skip(2, missing);
else {
  test("with names and IPv6 the client's sources compile for every board, warnings as errors", async () => {
    for (const board of boardNames())
      for (const settings of [{ DNS: "1", IPV6: "1" }, { DNS: "1" }, { IPV6: "1" }])
        if (board === BOARD || "DNS" in settings === "IPV6" in settings)
          for (const IMAGE of [
            "samples/shamir-secret-sharing",
            // Where that is the secure image, this one has lwIP.
            ...(hasTwoWorlds(board) ? ["client-outside"] : []),
          ])
            await make({ BOARD: board, HOST: "c", IMAGE, ...settings }, "objects");
  });

  test("a board finds its server by name, over IPv4 and IPv6, and by an IPv6 address", async () => {
    await make({ BOARD, HOST: "c", IMAGE: "client-names" });
    const image = join(mcuBuildFolder, BOARD, "client-c-dns-ipv6/client-names.elf");
    const system = await System.start(threeDevices("shamir-secret-sharing"));
    const known = await nameServer();
    const four = await forward("127.0.0.1", system.address);
    const six = await forward("::1", system.address);
    const run = async (name: string, server: { host: string; port: number }) => {
      const data = Uint8Array.of(known.port & 0xff, known.port >> 8, 7, 7);
      known.asked.length = 0;
      const device = startDevice(system, {
        name,
        image,
        board: BOARD,
        data: { [`input-${name.slice(-1)}`]: data },
        content: { server },
      });
      try {
        await device.ended;
        const [, code] = await device.line(/^names: end (-?\d+)$/);
        return { code: Number(code), output: device.lines.join("\n") };
      } finally {
        await device.close();
      }
    };
    try {
      const none = await run("device-0", { host: "none.example", port: four.port });
      assert.is(none.code, E_CONNECT, none.output);
      assert.ok(known.asked.includes(`none.example ${A}`), known.asked.join());

      const byFour = await run("device-0", { host: "four.example", port: four.port });
      assert.is(byFour.code, 0, byFour.output);
      assert.match(byFour.output, /^vc: isolate attested/m);
      assert.equal(known.asked, [`four.example ${A}`]);
      assert.match(four.heads.join("\n"), /^Host: four\.example(?::\d+)?\r$/m);

      const bySix = await run("device-1", { host: "six.example", port: six.port });
      assert.is(bySix.code, 0, bySix.output);
      assert.equal(known.asked, [`six.example ${A}`, `six.example ${AAAA}`]);
      assert.match(six.heads.join("\n"), /^Host: six\.example(?::\d+)?\r$/m);

      const literal = await run("device-2", { host: LOOPBACK6_FROM_BOARD, port: six.port });
      assert.is(literal.code, 0, literal.output);
      assert.equal(known.asked, []);
      assert.match(six.heads.join("\n"), /^Host: \[fec0::2\](?::\d+)?\r$/m);
      assert.is(LOOPBACK_FROM_BOARD, "10.0.2.2"); // what the name server says
    } finally {
      known.socket.close();
      for (const { server } of [four, six]) server.close();
      await system.stop();
    }
  });
}

test.run();
