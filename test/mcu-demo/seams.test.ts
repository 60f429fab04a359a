// The client's library and its seams, against a real server: a fault at every call of a seam, an end after every
// number of steps, a key and a record that are elsewhere, files in parts. Under AddressSanitizer and
// UndefinedBehaviorSanitizer, on this computer.

import { spawn } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  VC_E_CANCELLED,
  VC_E_NOT_READY,
  VC_E_SIGNATURE,
  VC_E_STORE,
} from "../../assembly/mcu-client/codes.js";
import { SIGN_ADMISSION, SIGN_HANDSHAKE } from "../../assembly/mcu-client/steps.js";
import { buildPosixPrograms, missingPosixTools } from "../../host/mcu-client/library.js";
import { makePage, type PageContent } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { skip } from "../support/shared.js";
import { principal, System } from "../support/system.js";
import { threeDevices } from "./scenario.js";

const missing = missingPosixTools();
if (missing) skip(7, missing);
else {
  let harness: string;
  let folder: string;
  let system!: System;
  test.before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vc-seams-"));
    ({ harness } = await buildPosixPrograms());
    const options = threeDevices("shamir-secret-sharing");
    options.principals["device-2"] = "input-2:rw";
    system = await System.start(options);
  });
  test.after(async () => {
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pageOf = (
    name: string,
    file: string,
    bytes: Uint8Array,
    content?: Partial<PageContent>,
  ) => {
    const { pem, keyPem } = principal(name);
    const path = join(folder, `${name}.page`);
    writeFileSync(
      path,
      makePage({
        policy: system.policy,
        identity: loadIdentity(Buffer.from(pem), keyPem),
        server: system.address,
        data: [{ name: file, bytes }],
        ...content,
      }),
      { mode: 0o600 },
    );
    return path;
  };
  /** Runs the harness to its end; `answer` is told of each line, and what it returns goes to its standard input. */
  const run = (args: readonly string[], answer?: (line: string) => string | undefined) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const child = spawn(harness, args, { stdio: ["pipe", "pipe", "pipe"] });
      let output = "";
      let partial = "";
      child.stdin.on("error", () => undefined);
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const lines = (partial + text).split("\n");
        partial = lines.pop() ?? "";
        for (const line of lines) {
          const said = answer?.(line);
          if (said !== undefined) child.stdin.write(`${said}\n`);
        }
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      child.on("close", (code, signal) =>
        resolve({ code: code ?? -1, output: `${output}${signal ?? ""}` }),
      );
    });
  const sanitizers = /AddressSanitizer|runtime error|LeakSanitizer/;
  const share = Uint8Array.from({ length: 3000 }, (_, index) => (index * 7) & 0xff);

  test("each call of a seam fails once: the call has a code, nothing is damaged, and the next one succeeds", async () => {
    const store = join(folder, "faults.record");
    const { output } = await run(["faults", pageOf("device-0", "input-0", share), store]);
    assert.not.match(output, sanitizers);
    assert.match(output, /^harness: clean 0$/m, output);
    const faults = [...output.matchAll(/^harness: fault (\d+) of (\d+): (-?\d+)$/gm)];
    assert.ok(faults.length > 20, output);
    assert.is(faults.length, Number(faults[0]?.[2]), "each call was made to fail");
    const codes = new Map<number, number>();
    for (const [, , , code] of faults) codes.set(Number(code), (codes.get(Number(code)) ?? 0) + 1);
    console.log(
      `  ${faults.length} faults: ${[...codes].map(([code, count]) => `${code} × ${count}`).join(", ")}`,
    );
    // Connecting tries again; the file was written in the first run, so that the isolate refuses it from then on.
    assert.ok((codes.get(VC_E_NOT_READY) ?? 0) > 5, output);
    assert.ok((codes.get(VC_E_STORE) ?? 0) > 0, "a store that fails sends nothing");
    assert.not.ok(codes.has(0), "no file is taken twice");
    assert.match(output, new RegExp(`harness: end ${VC_E_NOT_READY}$`, "m"));
  });

  test("each allocation, and each call of the system by the POSIX transport, fails once: the same", async () => {
    const { output } = await run(["system-faults", pageOf("device-0", "input-0", share)]);
    assert.not.match(output, sanitizers);
    const faults = [...output.matchAll(/^harness: fault (\d+) of (\d+): (-?\d+)$/gm)];
    assert.ok(faults.length > 20, output);
    assert.is(faults.length, Number(faults[0]?.[2]), "each call was made to fail");
    const codes = new Set(faults.map(([, , , code]) => Number(code)));
    console.log(`  ${faults.length} faults: ${[...codes].join(", ")}`);
    assert.ok(codes.has(VC_E_NOT_READY), "connecting tries again");
    assert.not.ok(codes.has(0), "no file is taken twice");
    assert.match(output, new RegExp(`harness: end ${VC_E_NOT_READY}$`, "m"));
  });

  test("an operation that is cancelled after any number of steps leaves the client as good as new", async () => {
    const { output } = await run(["cancels", pageOf("device-1", "input-1", share)]);
    assert.not.match(output, sanitizers);
    const cancelled = output.match(/^harness: cancelled/gm)?.length ?? 0;
    assert.ok(cancelled >= 15, output);
    assert.match(output, /^harness: end (?:0|-19)$/m, output.slice(-2000));
    assert.ok(VC_E_CANCELLED < 0);
  });

  test("parts that the application makes up are one file, and come back in parts", async () => {
    const { code, output } = await run([
      "parts",
      pageOf("device-2", "input-2", share, { result: "input-2" }),
    ]);
    assert.not.match(output, sanitizers);
    assert.is(code, 0, output);
    assert.match(output, /^harness: read 3000 of 3000$/m);
  });

  test("the record is kept before anything is sent, and kept from another isolate after a restart of the device", async () => {
    const store = join(folder, "record");
    const page = pageOf("device-0", "input-0", share);
    const first = await run(["once", page, store]);
    assert.match(first.output, /^harness: saved isolate 1\n/m, first.output);
    const kept = readFileSync(store);
    assert.is(kept.length, 68);
    const second = await run(["once", page, store]);
    assert.not.match(second.output, /harness: saved/, "it is the same one");
    // A record of another isolate: the device does not go to this one.
    kept[40] = (kept[40] as number) ^ 1;
    writeFileSync(store, kept);
    const third = await run(["once", page, store]);
    assert.match(third.output, /vc: error -29 RESTART, connecting, detail 1/);
    assert.not.match(third.output, /sending/);
    // A store that cannot be read: nothing is sent either.
    writeFileSync(store, "short");
    const fourth = await run(["once", page, store]);
    assert.match(fourth.output, /vc: error -33 STORE, configuring/);
  });

  test("a key that is elsewhere signs what it is shown, after a while", async () => {
    const page = pageOf("device-0", "input-0", share);
    const key = createPrivateKey(principal("device-0").keyPem);
    const purposes: number[] = [];
    const { output } = await run(["sign", page], (line) => {
      const [, purpose, hex = ""] = /^sign (\d+) ([0-9a-f]+)$/.exec(line) ?? [];
      if (purpose === undefined) return undefined;
      const content = Buffer.from(hex, "hex");
      purposes.push(Number(purpose));
      if (Number(purpose) === SIGN_HANDSHAKE) {
        // RFC 8446 §4.4.3
        assert.is(content.length, 130);
        assert.match(content.toString("latin1"), /^ {64}TLS 1\.3, client CertificateVerify\0/);
      } else assert.match(content.toString("latin1"), /^"@method": POST\n"@authority": /);
      return sign("sha256", content, { key, dsaEncoding: "ieee-p1363" }).toString("hex");
    });
    assert.not.match(output, sanitizers);
    assert.equal(purposes, [SIGN_ADMISSION, SIGN_HANDSHAKE], output);
    assert.match(output, /vc: isolate attested/);
    assert.is(system.logged("session opened").at(-1)?.admitted, 1);
    assert.match(output, /^harness: end (?:0|-19)$/m, output);
  });

  test("an owner that does not sign, or not well, ends the connecting", async () => {
    const page = pageOf("device-0", "input-0", share);
    const refused = await run(["sign", page], (line) =>
      line.startsWith("sign ") ? "no" : undefined,
    );
    assert.match(refused.output, new RegExp(`harness: end ${VC_E_SIGNATURE}$`, "m"));
    const wrong = await run(["sign", page], (line) =>
      line.startsWith("sign ") ? "01".repeat(64) : undefined,
    );
    assert.match(wrong.output, /vc: error -(?:5|6|12) /, wrong.output);
    assert.not.match(wrong.output, sanitizers);
    assert.not.match(wrong.output, /end 0/);
    assert.ok(existsSync(page));
  });
}

test.run();
