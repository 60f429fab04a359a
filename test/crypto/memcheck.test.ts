// Constant time, part two: no branch and no address depends on a secret. Equal instruction counts do
// not show secret addresses, so the module, as C and under Valgrind's memcheck, runs with every secret
// marked undefined (memcheck/main.c says how); what memcheck reports must be exactly what is listed here.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { skip } from "../support/shared.js";
import { CryptoModule, countingSource, inV8, toHex } from "./support.js";

/**
 * Where the primitives themselves make something public by branching on it: the exported function,
 * how many places in it, and why no secret is given away.
 */
const declassified: Readonly<Record<string, readonly [places: number, reason: string]>> = {
  aeadOpen: [2, "one for each AEAD: whether the tag is right, which the peer learns anyway"],
  mlKem768Generate: [
    2,
    "which candidates for the public matrix are below q: its seed is a hash of the secret one, and sent",
  ],
  p256PublicKey: [1, "whether the private key is in range; its owner only ever has one that is"],
  p256Ecdh: [1, "likewise"],
  p256SignWith: [
    2,
    "likewise; and whether a candidate nonce is in range: one that is not is thrown away, and the next one is independent of it",
  ],
  p256GeneratePrivateKey: [1, "whether a candidate is in range, likewise"],
};

/** Builds of the primitives: as most modules have them, as a device's first stage does, and as the token module does. */
const builds = ["testing/crypto", "testing/crypto-small", "testing/crypto-token"] as const;
type CryptoBuild = (typeof builds)[number];

const folderOf = (build: CryptoBuild) =>
  join(projectRoot, "build", `${build.replace("testing/", "")}-memcheck`);
const source = join(projectRoot, "test", "crypto", "memcheck", "main.c");
const wasm2cRoom = join(projectRoot, "mcu-client", "wasm2c");

function succeed(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stderr}`);
  return stdout;
}

const tools = { wasm2c: "wabt", valgrind: "valgrind", cc: "gcc libc6-dev" };
const lacking = Object.entries(tools).filter(([tool]) => systemTool(tool) === undefined);
if (!existsSync("/usr/include/valgrind/memcheck.h"))
  lacking.push(["valgrind/memcheck.h", "valgrind"]);

interface Report {
  readonly kind: string;
  /** The functions from the innermost outwards, with the line of the generated C. */
  readonly frames: readonly { fn: string; line: string }[];
}

/** Runs a case of main.c under memcheck. */
function memcheck(build: CryptoBuild, name: string): { output: string; reports: Report[] } {
  const folder = folderOf(build);
  const output = succeed(
    folder,
    "valgrind",
    ...["--quiet", "--error-limit=no", "--xml=yes", `--xml-file=${name}.xml`, "./memcheck", name],
  );
  const xml = readFileSync(join(folder, `${name}.xml`), "utf8");
  const field = (text: string, tag: string) =>
    new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1] ?? "";
  const reports = [...xml.matchAll(/<error>(.*?)<\/error>/gs)].map(([, error = ""]) => ({
    kind: field(error, "kind"),
    // The first stack is where it happened.
    frames: [...(error.split("</stack>")[0] ?? "").matchAll(/<frame>(.*?)<\/frame>/gs)].map(
      ([, frame = ""]) => ({ fn: field(frame, "fn"), line: field(frame, "line") }),
    ),
  }));
  return { output, reports };
}

/** Compiles the module with main.c, as C, into its folder. */
function compile(build: CryptoBuild): void {
  const folder = folderOf(build);
  mkdirSync(folder, { recursive: true });
  succeed(
    folder,
    process.execPath,
    ...[join(wasm2cRoom, "translate.js"), wasmPath(build), "crypto", "crypto.c"],
  );
  // The memory is static in the generated file: main.c reaches it through this.
  writeFileSync(
    join(folder, "exports.c"),
    '#include "crypto.c"\nuint8_t *module_bytes(u32 address, u32 length) { return range(address, length); }\n',
  );
  succeed(
    folder,
    "cc",
    ...["-std=gnu11", "-O2", "-g", "-w", "-DMEMORY_BYTES=1048576", "-I.", `-I${wasm2cRoom}`],
    ...["exports.c", join(wasm2cRoom, "wasm-rt.c"), source, "-o", "memcheck"],
  );
}

if (lacking.length > 0) {
  const packages = lacking.map(([, name]) => name).join(" ");
  skip(
    5,
    `${lacking.map(([tool]) => tool).join(", ")} not found; on Debian: apt-get install ${packages}`,
  );
} else {
  for (const build of builds) {
    compile(build);
    const secrets = memcheck(build, "secrets");

    test(`${build}: memcheck finds no branch or address that depends on a secret, but those that are meant`, () => {
      const places = new Map<string, Set<string>>();
      for (const { kind, frames } of secrets.reports) {
        const [innermost] = frames;
        const trace = frames.map(({ fn, line }) => `${fn}:${line}`).join(" < ");
        assert.is(kind, "UninitCondition", trace);
        // The compiler inlines some inner functions; those that it does not have numbers for names.
        const isExport = ({ fn }: { fn: string }) => /^w2c_(?!f\d)/.test(fn);
        const name = frames.find(isExport)?.fn.replace(/^w2c_/, "") ?? "";
        assert.ok(declassified[name], `a secret decides in ${trace}`);
        const lines = places.get(name) ?? new Set();
        places.set(name, lines.add(innermost?.line ?? ""));
      }
      for (const [name, [count, reason]] of Object.entries(declassified))
        assert.is(places.get(name)?.size ?? 0, count, `${name}: ${reason}`);
    });

    test(`${build}: what ran under memcheck computed what the module computes in V8`, () => {
      const crypto = new CryptoModule(inV8(countingSource(), build));
      const from = (first: number, length: number) =>
        Uint8Array.from({ length }, (_, i) => (first + 7 * i) & 0xff);
      const [digest, fresh, scalar, message] = [
        from(5, 32),
        from(6, 32),
        from(7, 32),
        from(8, 300),
      ];
      const lines: [string, Uint8Array | undefined][] = [
        ["sha256", crypto.sha256(message)],
        ["hmac", crypto.hmac(message.subarray(0, 100), message)],
        ["extract", crypto.hkdfExtract(digest, scalar)],
      ];
      const label = String.fromCharCode(...digest.subarray(0, 10));
      lines.push(["expand", crypto.hkdfExpandLabel(scalar, label, message.subarray(0, 32), 100)]);
      lines.push(["labels", crypto.labelledSecretExpand(scalar, label, message.subarray(0, 32))]);
      for (const [line, name, keyLength] of [
        ["chacha", "ChaCha20Poly1305", 32],
        ["gcm", "Aes128Gcm", 16],
      ] as const) {
        const key = from(1, 32).subarray(0, keyLength);
        const sealed = crypto.seal(name, key, from(2, 12), from(3, 21), from(4, 200));
        lines.push([line, sealed.subarray(0, 200)], [line, sealed.subarray(200)]);
      }
      lines.push(["sha3", crypto.sha3("sha3_256", message, 32)]);
      const { pair, publicKey: key } = crypto.mlKemGenerate(from(12, 64));
      const encapsulated = crypto.mlKemEncapsulate(key, from(13, 32));
      const ciphertext = encapsulated?.cipherText ?? new Uint8Array();
      lines.push(["ek", key], ["ct", ciphertext.slice()], ["encaps", encapsulated?.sharedSecret]);
      lines.push(["decaps", crypto.mlKemDecapsulate(pair, ciphertext)]);
      (ciphertext[7] as number) ^= 1;
      lines.push(["reject", crypto.mlKemDecapsulate(pair, ciphertext)]);
      lines.push(["x25519", crypto.x25519PublicKey(scalar)]);
      lines.push(["x25519", crypto.x25519(scalar, from(9, 32))]);
      const publicKey = crypto.p256PublicKey(scalar) as Uint8Array;
      lines.push(["p256", publicKey], ["ecdh", crypto.p256Ecdh(from(10, 32), publicKey)]);
      lines.push(["sign", crypto.p256Sign(scalar, digest, fresh)]);
      const { home } = crypto;
      const drbg = Number(home.call("newDrbg"));
      lines.push(["drbg", crypto.output(100, (out) => home.call("drbgFill", drbg, out, 100))]);
      lines.push([
        "generate",
        crypto.output(32, (out) => home.call("p256GeneratePrivateKey", out, drbg)),
      ]);
      assert.is(secrets.output, lines.map(([name, bytes]) => `${name} ${toHex(bytes)}\n`).join(""));
    });
  }

  test("memcheck does find verification with a secret digest, and a look-up at a secret place", () => {
    const names = memcheck("testing/crypto", "leaks").reports.map(({ frames }) =>
      frames.map(({ fn }) => fn),
    );
    assert.ok(names.some((trace) => trace.includes("Z_cryptoZ_p256Verify")));
    assert.ok(names.some((trace) => trace.includes("Z_cryptoZ_peek")));
  });
}

test.run();
