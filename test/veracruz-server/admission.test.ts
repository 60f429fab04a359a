// Signed requests for sessions: what is taken for a principal's, and what is not.
import { createHash, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Admission, AdmissionRefused } from "../../host/veracruz-server/admission.js";
import { signatureBase } from "../../host/veracruz-utils/admission.js";
import { contentDigest } from "../../host/veracruz-utils/admission-hashes.js";
import { bob, type Changes, eve, otherForm, policy, signed } from "./signed-requests.js";

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, AdmissionRefused);
    assert.not.match((error as Error).message, /\n/);
    return (error as Error).message;
  }
  return "accepted";
}

test("a principal's signature names it; without one there is nobody", () => {
  const admission = new Admission(policy);
  assert.is(admission.check(signed(admission, 0), 0), 0);
  assert.is(admission.check(signed(admission, 0, { by: bob }), 0), 1);
  const plain = { headers: { host: "x" }, method: "POST", target: "/", body: "", address: "::1" };
  assert.is(admission.check(plain, 0), undefined);
});

test("the signature base is that of RFC 9421", () => {
  const base = signatureBase({
    method: "CONNECT",
    authority: "Isolate:443",
    target: "isolate:443",
    policyHash: "aa",
    keyId: "bb",
    nonce: "cc",
    bound: ["veracruz-client-nonce", "dd"],
  });
  assert.equal(base.split("\n"), [
    '"@method": CONNECT',
    '"@authority": isolate:443',
    '"@request-target": isolate:443',
    '"veracruz-policy": aa',
    '"veracruz-client-nonce": dd',
    '"@signature-params": ("@method" "@authority" "@request-target" "veracruz-policy" "veracruz-client-nonce");keyid="bb";alg="ecdsa-p256-sha256";nonce="cc"',
  ]);
});

test("a signature counts once, also with its other ECDSA form", () => {
  const admission = new Admission(policy);
  const request = signed(admission, 0);
  assert.is(admission.check(request, 0), 0);
  assert.is(
    refusal(() => admission.check(request, 0)),
    "it was used before",
  );
  assert.is(
    refusal(() => admission.check(otherForm(request), 0)),
    "it was used before",
  );
});

test("a nonce is good for its minute and the next; another start's never", () => {
  const admission = new Admission(policy);
  const early = signed(admission, 1_000);
  assert.is(admission.check(early, 119_000), 0);
  const late = signed(admission, 200_000, { by: bob });
  assert.match(
    refusal(() => admission.check(late, 310_000)),
    /too old/,
  );
  const other = new Admission(policy);
  assert.match(
    refusal(() => other.check(signed(admission, 0), 0)),
    /not the server's/,
  );
  // What was used stays used while its nonce lives.
  const once = signed(admission, 1_000_000);
  assert.is(admission.check(once, 1_000_000), 0);
  assert.is(
    refusal(() => admission.check(once, 1_060_000)),
    "it was used before",
  );
});

test("what is not covered as it should be is refused", () => {
  const admission = new Admission(policy);
  const refused = (changes: Changes) =>
    refusal(() => admission.check(signed(admission, 0, changes), 0));
  assert.is(admission.check(signed(admission, 0, { policyHash: "0".repeat(64) }), 0), undefined);
  assert.is(admission.check(signed(admission, 0, { by: eve }), 0), undefined);
  assert.match(refused({ signedBy: eve }), /does not verify/);
  assert.match(refused({ signedBy: bob }), /does not verify/);
  assert.match(refused({ body: "0 BBBB" }), /another body's/);
  const nonce = randomBytes(16).toString("hex");
  assert.match(refused({ bound: ["veracruz-client-nonce", nonce] }), /does not cover/);
  const moved = signed(admission, 0);
  for (const change of [{ method: "GET" }, { target: "/veracruz_server" }]) {
    assert.match(
      refusal(() => admission.check({ ...moved, ...change }, 0)),
      /does not verify/,
    );
  }
  const headers = { ...moved.headers, host: "other.example" };
  assert.match(
    refusal(() => admission.check({ ...moved, headers }, 0)),
    /does not verify/,
  );
});

test("headers of another form are refused in words", () => {
  const admission = new Admission(policy);
  const good = signed(admission, 0);
  const bad: Record<string, string>[] = [
    { "signature-input": "" },
    { "signature-input": "vc=()" },
    { "signature-input": `${good.headers["signature-input"]};created=1` },
    { signature: "" },
    { signature: "vc=:AAAA:" },
    { signature: `${good.headers.signature}, x=:AA==:` },
  ];
  for (const change of bad) {
    const said = refusal(() =>
      admission.check({ ...good, headers: { ...good.headers, ...change } }, 0),
    );
    assert.match(said, /^(signature-input is not of|expected signature)/);
  }
});

test("one address cannot have signatures checked without end, nor one principal sign so", () => {
  const admission = new Admission(policy);
  const forged = signed(admission, 0, { signedBy: eve });
  const said = Array.from({ length: 600 }, () => refusal(() => admission.check(forged, 0)));
  assert.is(said.filter((text) => /does not verify/.test(text)).length, 500);
  assert.match(said.at(-1) ?? "", /too many from this address/);
  const busy = new Admission(policy);
  let taken = 0;
  for (let turn = 0; turn < 200; turn++) {
    const body = `0 ${createHash("sha256").update(String(turn)).digest("base64")}`;
    const request = signed(busy, 0, { body, bound: ["content-digest", contentDigest(body)] });
    if (refusal(() => busy.check(request, 0)) === "accepted") taken++;
  }
  assert.is(taken, 120);
});

test.run();
