// Signatures as principal.html verifies them: it has no OpenSSL, but the module that it holds for TLS.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { hasShared, sharedPath, skip } from "../support/shared.js";

interface StandIn {
  createPublicKey(source: object): KeyObject;
  verify(hash: string, content: Uint8Array, key: unknown, signature: Uint8Array): boolean;
}

/** The page's stand-in for node:crypto, with the module that the page holds. */
async function standIn(): Promise<StandIn> {
  const folder = join(projectRoot, "host/principal-page/stand-ins");
  const module = readFileSync(wasmPath("session-manager-signer")).toString("base64");
  const { outputFiles } = await build({
    absWorkingDir: projectRoot,
    entryPoints: [join(folder, "crypto.ts")],
    bundle: true,
    write: false,
    format: "esm",
    define: { EMBEDDED_MODULES: JSON.stringify({ "session-manager-signer": module }) },
    plugins: [
      {
        name: "files",
        setup(builder) {
          builder.onResolve({ filter: /^node:fs$|\/common\/paths\.js$/ }, () => ({
            path: join(folder, "files.ts"),
          }));
        },
      },
    ],
  });
  const script = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
  return (await import(`data:text/javascript;base64,${script}`)) as StandIn;
}

const page = await standIn();
const inPage = (key: KeyObject) =>
  page.createPublicKey({ key: key.export({ format: "jwk" }), format: "jwk" });
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const content = Buffer.from("what the attestation server says");
const encodings = { DER: "der", "r and s": "ieee-p1363" } as const;

for (const [name, dsaEncoding] of Object.entries(encodings)) {
  test(`a signature, as ${name}, is good for its key and its content alone`, () => {
    const key = inPage(publicKey);
    const by = dsaEncoding === "der" ? key : { key, dsaEncoding };
    const judge = (signed: Uint8Array, signature: Uint8Array) =>
      page.verify("sha256", signed, by, signature);
    // Nonces differ: shorter and longer integers come.
    for (let round = 0; round < 64; round++) {
      const signature = sign("sha256", content, { key: privateKey, dsaEncoding });
      assert.is(judge(content, signature), true);
      assert.is(judge(content.subarray(1), signature), false);
      const bent = Buffer.from(signature);
      const at = round % bent.length;
      bent.writeUInt8(bent.readUInt8(at) ^ 1, at);
      assert.is(judge(content, bent), false, `byte ${at} of ${bent.length}`);
      assert.is(judge(content, signature.subarray(0, -1)), false);
      assert.is(judge(content, Buffer.concat([signature, Buffer.of(0)])), false);
    }
    assert.is(judge(content, new Uint8Array(0)), false);
    assert.is(judge(content, new Uint8Array(64)), false);
    assert.is(judge(content, new Uint8Array(100_000)), false);
    const other = inPage(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey);
    const signature = sign("sha256", content, { key: privateKey, dsaEncoding });
    const byOther = dsaEncoding === "der" ? other : { key: other, dsaEncoding };
    assert.is(page.verify("sha256", content, byOther, signature), false);
  });
}

test("a key that is no point on the curve is none", () => {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const bent = Buffer.from(y, "base64url");
  bent.writeUInt8(bent.readUInt8(31) ^ 1, 31);
  for (const key of [
    { x, y: bent.toString("base64url") },
    { x: Buffer.alloc(32).toString("base64url"), y: Buffer.alloc(32).toString("base64url") },
    { x: Buffer.alloc(32, 0xff).toString("base64url"), y },
    { x, y: y.slice(0, -4) },
    { x: "", y: "" },
  ])
    assert.throws(() => page.createPublicKey({ key, format: "jwk" }), /not a point on P-256/);
});

const FILE = ["vectors", "wycheproof", "ecdsa_secp256r1_sha256_test.json"] as const;
test("the page judges every signature of Wycheproof as it should", () => {
  if (!hasShared(...FILE)) {
    skip(1, "no Wycheproof vectors beside the repository");
    return;
  }
  const { testGroups } = JSON.parse(readFileSync(sharedPath(...FILE), "utf8")) as {
    testGroups: {
      publicKeyDer: string;
      tests: { tcId: number; msg: string; sig: string; result: string }[];
    }[];
  };
  let judged = 0;
  for (const { publicKeyDer, tests } of testGroups) {
    const key = page.createPublicKey({
      key: Buffer.from(publicKeyDer, "hex"),
      format: "der",
      type: "spki",
    });
    for (const { tcId, msg, sig, result } of tests) {
      const signature = Buffer.from(sig, "hex");
      const verdict = page.verify("sha256", Buffer.from(msg, "hex"), key, signature);
      assert.is(verdict, result === "valid", `test ${tcId}`);
      judged++;
    }
  }
  assert.is(judged, 484);
});

test.run();
