// Attacks by strangers on the proxy attestation server.
import { connect, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allowMeasurement,
  attest,
  enrol,
  newIsolateKey,
  refusalOf,
  startTestServer,
} from "../proxy-attestation-server/support.js";
import { newDevice } from "../psa-attestation/tokens.js";

/** A connection from an address of this computer. */
function connectFrom(localAddress: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    socket.on("error", () => resolve(undefined));
    socket.once("connect", () => resolve(socket));
  });
}

/** The status of a request for the server's health, from an address; 0 when nothing came. */
async function askHealth(localAddress: string, port: number): Promise<number> {
  const socket = await connectFrom(localAddress, port);
  if (socket === undefined) return 0;
  socket.on("error", () => undefined);
  return new Promise((resolve) => {
    let answer = "";
    const finish = () => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0));
    };
    setTimeout(finish, 60_000).unref();
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    socket.on("close", finish);
    socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  });
}

test("M5: one address that opens all connections does not keep others out", async () => {
  const pas = await startTestServer({ maxConnections: 100 });
  const { port } = pas.server.address;
  const held = await Promise.all(Array.from({ length: 200 }, () => connectFrom("127.0.0.2", port)));
  const answers = await Promise.all(Array.from({ length: 96 }, () => askHealth("127.0.0.3", port)));
  assert.is(answers.filter((status) => status === 200).length, 96);
  // Nor do many addresses keep out one more.
  const many = Array.from({ length: 200 }, (_, n) => connectFrom(`127.0.1.${1 + (n % 50)}`, port));
  held.push(...(await Promise.all(many)));
  for (let turn = 0; turn < 10; turn++) assert.is(await askHealth("127.0.0.3", port), 200);
  for (const socket of held) socket?.destroy();
  await pas.stop();
});

test("strangers who leave all challenges open do not keep a device from its certificate", async () => {
  const pas = await startTestServer({ maxOpenChallenges: 100 });
  const device = newDevice();
  await enrol(pas.store, device);
  await allowMeasurement(pas.store);
  const strangers = async () => {
    for (let n = 0; n < 120; n++) await refusalOf(pas.client.start("stranger"));
  };
  const outcomes: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await strangers();
    outcomes.push(await refusalOf(attest(pas.client, device, newIsolateKey())));
  }
  await pas.stop();
  assert.equal(outcomes, Array(3).fill("accepted"));
});

test("a stranger who is refused without end does not fill the log", async () => {
  const pas = await startTestServer();
  const url = `http://127.0.0.1:${pas.server.address.port}/PSA/AttestationToken`;
  const began = performance.now();
  for (let n = 0; n < 400; n++) await (await fetch(url, { method: "POST", body: "x" })).text();
  const earned = 2 * ((performance.now() - began) / 1000);
  const lines = pas.log.filter(({ msg }) => msg === "refused");
  const untold = lines.reduce((sum, line) => sum + Number(line.untold ?? 0), 0);
  await pas.stop();
  assert.ok(lines.length >= 100 && lines.length <= 101 + earned, `${lines.length} lines`);
  assert.ok(untold <= 400 - lines.length);
});

test.run();
