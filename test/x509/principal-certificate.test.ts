// One meaning of a certificate's fingerprint: the SHA-256 of its DER, however the file is written.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  certificateToPem,
  fingerprint,
  readCertificate,
} from "../../host/x509/principal-certificate.js";
import { makeCertificate } from "../support/certificates.js";
import { skip } from "../support/shared.js";

const { pem } = makeCertificate();

test("line ends, remarks and blank lines of a PEM file do not change the fingerprint", () => {
  const { raw } = readCertificate(Buffer.from(pem));
  const own = fingerprint(raw);
  for (const text of [
    pem.replaceAll("\n", "\r\n"),
    `A remark\n\n${pem}\n`,
    certificateToPem(raw),
  ]) {
    assert.is(fingerprint(readCertificate(Buffer.from(text)).raw), own);
  }
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) skip(1, "the command openssl is missing");

(hasOpenssl ? test : test.skip)("it is the fingerprint that openssl prints", () => {
  const folder = mkdtempSync(join(tmpdir(), "fingerprint-"));
  try {
    const file = join(folder, "certificate.pem");
    writeFileSync(file, pem);
    const args = ["x509", "-in", file, "-noout", "-fingerprint", "-sha256"];
    const { stdout } = spawnSync("openssl", args, { encoding: "utf8" });
    const printed = stdout.slice(stdout.indexOf("=") + 1).trim();
    assert.is(
      fingerprint(readCertificate(Buffer.from(pem)).raw),
      printed.replaceAll(":", "").toLowerCase(),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
