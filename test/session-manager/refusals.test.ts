// Each refusal keeps its reason: one code for each, and the alert that goes with it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as alerts from "../../assembly/session-manager/alerts.js";
import { projectRoot } from "../../host/common/paths.js";
import { alertNames, describeEnd, describeRefusal } from "../../host/session-manager/alerts.js";
import { serve } from "./support/engine-sessions.js";
import { Ext, extension, u16 } from "./support/wire.js";

const refusals = Object.entries(alerts).filter(([name]) => name.startsWith("REFUSED_"));

test("each reason has a code of its own, and an alert of RFC 8446", () => {
  assert.ok(refusals.length > 60);
  assert.is(new Set(refusals.map(([, code]) => code >> 8)).size, refusals.length);
  for (const [name, code] of refusals) {
    assert.ok(code > alerts.REFUSAL_ALERT, name);
    assert.ok(alertNames[code & alerts.REFUSAL_ALERT], name);
  }
});

test("each reason is given somewhere", () => {
  const folder = join(projectRoot, "assembly/session-manager");
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && path !== "alerts.ts")
    .map((path) => readFileSync(join(folder, path), "utf8").replace(/^import [^;]*;$/gm, ""))
    .join("\n");
  for (const [name] of refusals) assert.match(sources, new RegExp(`\\b${name}\\b`), name);
  assert.not.match(sources, /\b(?:fail|refuse|refuseRecord)\(ALERT_/, "an alert without a reason");
});

test("a record_size_limit of 63 is refused by its name", () => {
  const run = serve();
  const { peer, session } = run;
  peer.say(peer.helloWith({ limit: extension(Ext.recordSizeLimit, u16(63)) }));
  peer.hear();
  assert.is(session.refusal, alerts.REFUSED_RECORD_SIZE_LIMIT);
  assert.is(session.alertSent, alerts.ALERT_ILLEGAL_PARAMETER);
  assert.is(describeRefusal(session.refusal ?? -1), "record size limit: illegal_parameter (47)");
});

test("the end of a session is told with names", () => {
  assert.is(
    describeEnd(`refused: ${alerts.REFUSED_NO_CERTIFICATE}`),
    "TLS refused, no certificate: certificate_required (116)",
  );
  assert.is(describeEnd("refused: 49"), "TLS refused, access_denied (49)");
  assert.is(describeEnd("alert received: 48"), "alert received: unknown_ca (48)");
  assert.is(describeEnd("closed"), "closed");
});

test.run();
