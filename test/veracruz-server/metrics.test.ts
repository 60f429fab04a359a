// What an operator's monitoring reads: liveness apart from readiness, and metrics in Prometheus' format.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { isLoopback } from "../../host/veracruz-server/parts.js";
import { statusPage } from "../../host/veracruz-server/status-page.js";
import { exampleModule, System, type SystemOptions, TestAttestation } from "../support/system.js";

const attestation = await TestAttestation.start();
const options: SystemOptions = {
  attestation,
  principals: { alice: "secret-name.wasm:w,output:r" },
  programs: { "secret-name.wasm": { module: exampleModule("nop"), rights: "output:w" } },
};

/** The value of each series, by its name with labels. */
async function metricsOf(system: System): Promise<Map<string, number>> {
  const answer = await fetch(system.url("/metrics"));
  assert.is(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  const series = new Map<string, number>();
  for (const line of lines) {
    if (line.startsWith("# HELP ") || line.startsWith("# TYPE ")) continue;
    // The exposition format: a name, labels, a number.
    const [, name, value] = /^([a-z_:][\w:]*(?:\{[^}]*\})?) (\S+)$/i.exec(line) ?? [];
    assert.ok(name, line);
    series.set(name as string, Number(value));
  }
  return series;
}

test("metrics tell of sessions and of the isolate, and of nobody by name", async () => {
  await System.use(options, async (system) => {
    const before = await metricsOf(system);
    assert.is(before.get("veracruz_isolate_ready"), 1);
    assert.is(before.get("veracruz_sessions_open"), 0);
    assert.is(before.get('veracruz_sessions_total{admitted="yes"}'), 0);
    assert.ok((before.get("veracruz_isolate_certificate_end_seconds") ?? 0) > Date.now() / 1000);
    assert.ok((before.get("process_resident_memory_bytes") ?? 0) > 0);
    const client = await system.connect("alice");
    const during = await metricsOf(system);
    assert.is(during.get("veracruz_sessions_open"), 1);
    assert.is(during.get('veracruz_sessions_total{admitted="yes"}'), 1);
    await client.close();
    const text = await (await fetch(system.url("/metrics"))).text();
    assert.not.match(text, /alice|secret-name/);
  });
});

test("the status page shows state and attestation, runs nothing, and names nobody", async () => {
  await System.use(options, async (system) => {
    const answer = await fetch(system.url("/"));
    assert.is(answer.status, 200);
    assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none';/);
    const page = await answer.text();
    assert.match(page, /<html lang="en">/);
    assert.match(page, /<th scope="row">State<\/th><td>ready: parties can come<\/td>/);
    assert.match(page, system.policy.hash.toString("hex"));
    assert.match(page, Buffer.from(attestation.runtimeHash).toString("hex"));
    assert.not.match(page, /alice|secret-name|<script|<img|<link| on[a-z]+=/);
  });
});

test("what is shown cannot become a part of the page", () => {
  const page = statusPage({
    status: "<b>",
    version: "\"'",
    computations: { held: 1, running: 1, max: 2, maxRunning: 2 },
    policyHash: "&",
    sessions: { open: 0, max: 1 },
    isolate: { connection: "</td>", certificateUntil: null, restarts: 0, lastFailure: "<script>" },
  });
  assert.not.match(page, /<b>|<script|<\/td><\/td>/);
  assert.match(page, /&#60;script&#62;/);
});

test("a server without its isolate is alive, and not ready", async () => {
  const nobody = tcpIsolate({ host: "127.0.0.1", port: 1 });
  const system = await System.start({ ...options, server: { isolate: nobody } }, false);
  system.server.ready().catch(() => undefined);
  assert.is((await fetch(system.url("/livez"))).status, 200);
  assert.is((await fetch(system.url("/healthz"))).status, 503);
  assert.is((await metricsOf(system)).get("veracruz_isolate_ready"), 0);
  await system.stop();
});

test("metrics are for this computer's own addresses", () => {
  for (const own of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
    assert.ok(isLoopback(own), own);
  for (const other of ["10.0.0.1", "1.127.0.0", "::ffff:10.0.0.1", "::2", "2001:db8::1", ""])
    assert.not.ok(isLoopback(other), other);
});

test.after(() => attestation.stop());
test.run();
