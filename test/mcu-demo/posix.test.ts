// The client's library on this computer, over POSIX sockets, under AddressSanitizer and UndefinedBehaviorSanitizer:
// against a real server and an attested isolate, in one computation with an emulated board.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { buildClient } from "../../host/mcu-client/device.js";
import { buildPosixPrograms, missingPosixTools } from "../../host/mcu-client/library.js";
import { makePage, type PageContent } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { exampleRounds, runScript } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const SAMPLE = "shamir-secret-sharing";
const missing = missingPosixTools() ?? missingTools();
if (missing) skip(3, missing);
else {
  let program: string;
  let folder: string;
  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vc-posix-"));
    ({ client: program } = await buildPosixPrograms());
  });
  test.after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the client to its end, with a page of its own: its exit code, and what it printed. */
  const run = (args: readonly string[]) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      child.on("close", (code, signal) =>
        resolve({ code: code ?? -1, output: `${output}${signal ?? ""}` }),
      );
    });
  const pageOf = (
    system: System,
    name: string,
    data: Record<string, Uint8Array>,
    content: Partial<PageContent> = {},
  ) => {
    const { pem, keyPem } = principal(name);
    const path = join(folder, `${name}.page`);
    const page = makePage({
      policy: system.policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: system.address,
      data: Object.entries(data).map(([file, bytes]) => ({ name: file, bytes })),
      ...content,
    });
    writeFileSync(path, page, { mode: 0o600 });
    return path;
  };

  /** Forwards connections to an address of one family to another address. */
  const forward = async (
    host: string,
    to: { host: string; port: number },
  ): Promise<{ server: Server; port: number }> => {
    const server = createServer((socket: Socket) => {
      const upstream = connect(to);
      socket.pipe(upstream).pipe(socket);
      for (const each of [socket, upstream]) each.on("error", () => each.destroy());
    });
    await new Promise<void>((resolve, reject) =>
      server.once("error", reject).listen(0, host, resolve),
    );
    return { server, port: (server.address() as AddressInfo).port };
  };

  test("two POSIX clients and an emulated board take part in one computation", async () => {
    await buildClient("mps2-an385", "c", SAMPLE);
    const secret = "squeamish ossifrage";
    const [round] = exampleRounds(SAMPLE, "--secret", secret);
    const shares = round?.inputs ?? [];
    const system = await System.start(threeDevices(SAMPLE));
    const device = startDevice(system, {
      name: "device-2",
      data: { "input-2": shares[2] as Uint8Array },
    });
    try {
      for (const n of [0, 1]) {
        const page = pageOf(system, `device-${n}`, { [`input-${n}`]: shares[n] as Uint8Array });
        const { code, stdout, stderr } = await runScript("build/js/host/mcu-client/cli.js", [
          ...["run", "--posix", "--page", page],
        ]);
        const output = `${stdout}${stderr}`;
        assert.is(code, 0, output);
        assert.match(output, /vc: isolate attested: kind linux/);
        assert.match(output, new RegExp(`device: sent input-${n}, ${shares[n]?.length} bytes`));
        // It has signed its request: the server let it in as a principal.
        assert.is(system.logged("session opened").at(-1)?.admitted, 1);
      }
      assert.is(await device.ended, 0, device.lines.join("\n"));
      const owner = await system.connect("owner");
      await owner.sendProgram(`${SAMPLE}.wasm`, exampleModule(SAMPLE));
      assert.is((await owner.read("output")).toString(), secret);
      await owner.close();
    } finally {
      await device.close();
      await system.stop();
    }
  });

  test("a whole computation by POSIX clients: large data, program, result, the end; by name and over IPv6", async () => {
    const options = threeDevices(SAMPLE);
    options.principals["device-0"] = `input-0:w,${SAMPLE}.wasm:w,output:r`;
    const system = await System.start(options);
    const forwarders: Server[] = [];
    try {
      const [round] = exampleRounds(SAMPLE, "--secret", "x".repeat(3000));
      const shares = (round?.inputs ?? []) as Uint8Array[];
      const sixth = await forward("::1", system.address);
      const named = await forward("localhost", system.address);
      forwarders.push(sixth.server, named.server);
      const one = await run([
        pageOf(
          system,
          "device-1",
          { "input-1": shares[1] as Uint8Array },
          { server: { host: "::1", port: sixth.port } },
        ),
      ]);
      assert.is(one.code, 0, one.output);
      const two = await run([
        pageOf(system, "device-2", { "input-2": shares[2] as Uint8Array }),
        `localhost:${named.port}`,
      ]);
      assert.is(two.code, 0, two.output);
      const programs = [{ name: `${SAMPLE}.wasm`, bytes: exampleModule(SAMPLE) }];
      const zero = await run([
        pageOf(
          system,
          "device-0",
          { "input-0": shares[0] as Uint8Array },
          { programs, result: "output" },
        ),
      ]);
      assert.is(zero.code, 0, zero.output);
      const [, length, digits = ""] =
        /^device: output, (\d+) bytes: ([0-9a-f]*)$/m.exec(zero.output) ?? [];
      assert.is(length, "3000", zero.output);
      assert.is(Buffer.from(digits, "hex").toString(), "x".repeat(3000));
    } finally {
      for (const each of forwarders) each.close();
      await system.stop();
    }
  });

  test("wrong arguments, a damaged page and a server that is not there have a code and a line each", async () => {
    const system = await System.start(threeDevices(SAMPLE));
    try {
      const page = pageOf(system, "device-0", { "input-0": Uint8Array.of(1, 2) });
      const rows: [args: string[], code: number, line: RegExp][] = [
        [["--help"], 0, /^Usage: posix-client/],
        [[], 2, /^Usage/],
        [[page, "no-port"], 2, /expected HOST:PORT/],
        [[join(folder, "none")], 64, /it cannot be read/],
        [[program], 64, /there is none/],
      ];
      for (const [args, code, line] of rows) {
        const { code: ended, output } = await run(args);
        assert.is(ended, code, output);
        assert.match(output, line);
      }
      // It would try for ever: that it does, and says so, is enough.
      const child = spawn(program, [page, "no-such-name.invalid:1"], { stdio: "pipe" });
      let output = "";
      await new Promise<void>((resolve) => {
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          if (/trying again in 1[0-9]{3} ms/.test(output)) resolve();
        });
        child.on("close", () => resolve());
      });
      child.kill("SIGKILL");
      assert.match(output, /vc: error -3 CONNECT, connecting, detail 0/);
      assert.match(output, /trying again in 1[0-9]{3} ms/);
    } finally {
      await system.stop();
    }
  });
}

test.run();
