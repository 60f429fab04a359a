/** The tables that documents hold, each printed from the code. */

import { ReturnCode } from "../../assembly/sdk/veracruz_rt/return-code.js";
import * as alerts from "../../assembly/session-manager/alerts.js";
import { readDeclarations } from "../common/declarations.js";
import { table } from "../common/markdown.js";
import { hcalls } from "../isolate/hcalls.js";
import { describeAlert } from "../session-manager/alerts.js";
import * as messages from "../transport-protocol/document.js";
import {
  type PolicyFieldRow,
  policyFields,
  policyObjects,
} from "../veracruz-utils/policy-fields.js";
import { planTable } from "./plan.js";
import { constants, describeEach, disagreements, source, sourcesBelow } from "./sources.js";

const code = (text: string) => `\`${text}\``;

// ---- H-calls ----

/** Each H-call as `env.ts` of the SDK declares and describes it. */
function hcallTable(): string {
  const declared = readDeclarations(source("assembly/sdk/veracruz_rt/env.ts"));
  return table(
    ["number", "`env.`", "parameters, each an i32", "what it does"],
    declared.map(({ name, parameters, doc }, number) => {
      if (hcalls[number]?.name !== name || doc === "")
        disagreements.add(`the H-call ${name} of env.ts has another number, or no description`);
      return [
        String(number),
        code(name),
        parameters.map((parameter) => code(parameter.name)).join(", "),
        doc,
      ];
    }),
  );
}

/** What each return code means: which H-call answers it, or that programs do. */
const codeDocs: Readonly<Record<keyof typeof ReturnCode, string>> = {
  Success: "done",
  Generic: "by no H-call here; programs: anything that has no code of its own",
  DataSourceCount: "by no H-call; programs: not as many inputs as they need",
  DataSourceSize: "`read_input`: the input is longer than `capacity`; nothing is copied",
  BadInput: "`input_size`, `read_input`: there is no input of this index",
  InvariantFailed: "by no H-call; programs: something they take for granted does not hold",
  ResultAlreadyWritten: "`write_output`: this run has a result already; it stays",
  ServiceUnavailable: "`getrandom`: the platform's random source does not answer",
  StreamSourceCount: "by no H-call; programs: not as many stream items as they need",
  StreamSourceSize: "`read_stream`: the item is longer than `capacity`; nothing is copied",
  BadStream: "`stream_size`, `read_stream`: there is no stream of this index",
  PreviousResultSize:
    "`read_previous_result`: the result is longer than `capacity`; nothing is copied",
};

function hcallCodeTable(): string {
  const found = Object.entries(ReturnCode)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => [name, String(value)] as const);
  return table(
    ["code", "`ReturnCode`", "answered when"],
    describeEach("the code", found, codeDocs).map(([name, value, doc]) => [value, code(name), doc]),
  );
}

// ---- Policy ----

function bounds({ range, form }: PolicyFieldRow): string {
  if (range === undefined) return form ?? "";
  // Years are written without separators.
  const grouped = { useGrouping: range[1] > 9999 };
  return range.map((bound) => bound.toLocaleString("en", grouped)).join(" … ");
}

function policyTables(): string {
  return policyObjects
    .map(({ of, title }) => {
      const rows = policyFields
        .filter((field) => field.of === of)
        .map((field) => [
          code(field.name),
          field.type,
          bounds(field),
          field.absent,
          field.meaning,
          field.enforced,
        ]);
      const heads = ["field", "type", "bounds", "default", "meaning", "enforced by"];
      return `### ${title}\n\n${table(heads, rows)}`;
    })
    .join("\n\n");
}

// ---- End points ----

const serverFolder = "host/veracruz-server";
const adminSocket = `${serverFolder}/admin-socket.ts`;
const attestationServer = "host/proxy-attestation-server/server.ts";

/** Routes that a server's source registers: `POST /path`. */
function routes(path: string): [name: string, value: string][] {
  const text = source(path);
  const registered = [
    ...[...text.matchAll(/\bapp\.(get|post|delete)\(\s*"([^"]+)"/g)].map(
      ([, method = "", route = ""]) => `${method.toUpperCase()} ${route}`,
    ),
    ...[...text.matchAll(/\bendPoint\(\s*"([^"]+)"/g)].map(([, route = ""]) => `POST ${route}`),
    ...[...text.matchAll(/\.on\("connect"/g)].map(() => "CONNECT isolate:443"),
    ...[...text.matchAll(/\bpath !== "([^"]+)"/g)].map(([, route = ""]) => `WebSocket ${route}`),
  ];
  return registered.map((route) => [route, path]);
}

const veracruzServerDocs: Readonly<Record<string, string>> = {
  "POST /runtime_manager":
    '`"<session> <base64>"`, session 0 opens one → `"<session> <base64> <base64> …"`: TLS bytes of a session, for clients that can only POST',
  "CONNECT isolate:443":
    "TLS bytes of one session, raw; no other authority but `HASH.isolate:443`, and no other socket is ever opened",
  "WebSocket /runtime_manager":
    "the same in binary messages; a page whose origin is not on the list of `--allow-origin` must sign as a principal first",
  "POST /veracruz_server":
    "base64 of `requestPolicyHash` → base64 of the answer; no client decides anything on it, and tokens are made inside of sessions only",
  "GET /healthz":
    "JSON: state, computations, kind of isolate, policy hash, sessions, restarts and their reasons; 503 until sessions can be opened",
  "GET /":
    "a page for the operator: state, isolate, attestation, counts, no names of files or parties; only to this computer's own addresses, unless `--status-page`",
  "GET /livez": "`alive`, as long as the server's process answers",
  "GET /metrics":
    "counts and states for Prometheus, without names of files or parties; only to this computer's own addresses",
};

const administratorDocs: Readonly<Record<string, string>> = {
  "POST /computations":
    "takes the policy that is its body; with `?start` its isolate is started now (409: the server's bounds, or it is there already)",
  "GET /computations":
    "every computation: state, isolate, sessions, restarts, reason, end of its attestation, commit",
  "GET /computations/:hash": "one of them; 404, with the reason, when it is over",
  "DELETE /computations/:hash": "ends it, with its isolate; its parties are told",
  "GET /enrolment":
    "the enrolment of the root of trust that the server's process isolates have, for `vc-pas enroll`",
  "GET /": "version, process, and where clients connect",
};

const attestationServerDocs: Readonly<Record<string, string>> = {
  "POST /Start": "`start` → `challenge`: 32 random bytes, good once, for a minute",
  "POST /PSA/AttestationToken":
    "`nativeAttestationToken` → `certificateChain`: a certificate for the key of the CSR",
  "POST /VerifyPAT": "`verifyProxyToken` → `verified`: a signed statement for one client",
  "POST /Commit":
    "`commitComputation` → `commitment`: a signed statement that the computation is the isolate's, or a signed refusal",
  "GET /healthz": "JSON; 503 when the storage does not answer",
};

function endPointTable(
  found: readonly [name: string, value: string][],
  docs: Readonly<Record<string, string>>,
): string {
  const unique = [...new Map(found)];
  const order = Object.keys(docs);
  return table(
    ["end point", "what it takes and answers"],
    describeEach("the end point", unique, docs)
      .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
      .map(([name, , doc]) => {
        const [method = "", route = ""] = name.split(" ");
        return [`${method} ${code(route)}`, doc];
      }),
  );
}

// ---- Alerts ----

/** When the session manager sends an alert, by the alert's name in `assembly/session-manager/alerts.ts`. */
const alertDocs: Readonly<Record<string, string>> = {
  ALERT_CLOSE_NOTIFY: "the session ends in order",
  ALERT_UNEXPECTED_MESSAGE: "a message or record that is not the next one expected",
  ALERT_BAD_RECORD_MAC: "a record does not decrypt",
  ALERT_RECORD_OVERFLOW: "a record is longer than TLS, or our `record_size_limit`, allows",
  ALERT_HANDSHAKE_FAILURE: "no cipher suite, group or signature algorithm in common",
  ALERT_BAD_CERTIFICATE: "a certificate does not parse, or is for another name",
  ALERT_UNSUPPORTED_CERTIFICATE: "a certificate whose key or key usage does not serve here",
  ALERT_CERTIFICATE_EXPIRED: "a certificate is not good now, where there is a clock",
  ALERT_CERTIFICATE_UNKNOWN: "a certificate has a critical extension that is not known here",
  ALERT_ILLEGAL_PARAMETER: "a field has a value that its standard forbids",
  ALERT_UNKNOWN_CA: "the chain does not end at the CA that the client was given",
  ALERT_ACCESS_DENIED: "the policy does not name the client's certificate",
  ALERT_DECODE_ERROR: "a message does not parse",
  ALERT_DECRYPT_ERROR: "a signature or a Finished message is wrong",
  ALERT_PROTOCOL_VERSION: "the peer does not speak TLS 1.3",
  ALERT_INTERNAL_ERROR: "no memory, no randomness, or the end of a key's life",
  ALERT_USER_CANCELED: "never sent; received, it announces the peer's `close_notify`",
  ALERT_MISSING_EXTENSION: "an extension that must be there is not",
  ALERT_UNSUPPORTED_EXTENSION: "an answer to an extension that was not offered",
  ALERT_CERTIFICATE_REQUIRED: "the client shows no certificate",
  ALERT_CERTIFICATE_REVOKED: "never sent here",
  ALERT_INSUFFICIENT_SECURITY: "never sent here",
  ALERT_INAPPROPRIATE_FALLBACK: "never sent here",
  ALERT_UNRECOGNIZED_NAME: "never sent here",
  ALERT_BAD_CERTIFICATE_STATUS_RESPONSE: "never sent here",
  ALERT_UNKNOWN_PSK_IDENTITY: "never sent here",
  ALERT_NO_APPLICATION_PROTOCOL: "never sent here",
};

function alertTable(): string {
  const found = constants("assembly/session-manager/alerts.ts", "ALERT_")
    .filter(({ name }) => !name.startsWith("ALERT_LEVEL_"))
    .map(({ name, value }) => [name, Number(value)] as const);
  return table(
    ["alert", "sent when"],
    describeEach("the alert", found, alertDocs).map(([name, number, doc]) => {
      const described = describeAlert(number);
      if (described !== `${name.slice("ALERT_".length).toLowerCase()} (${number})`)
        throw new Error(`${name} is ${described} on the host`);
      return [described, doc];
    }),
  );
}

const sessionManager = "assembly/session-manager";

/** Links to the files that refuse for a reason, from a document in docs/. */
function refusers(reason: string, files: ReadonlyMap<string, string>): string {
  const use = new RegExp(`\\b${reason}\\b`);
  return [...files]
    .filter(([, text]) => use.test(text))
    .map(([path]) => `[${path.slice(sessionManager.length + 1)}](../${path})`)
    .join(", ");
}

/** Why the session manager refuses a peer, with the alert that it sends for that, and where. */
function refusalTable(): string {
  const files = new Map(
    sourcesBelow(sessionManager)
      .filter((path) => !path.endsWith("/alerts.ts"))
      .map((path) => [path, source(path).replace(/^import [^;]*;$/gm, "")]),
  );
  return table(
    ["reason", "alert", "refused in"],
    Object.entries(alerts)
      .filter(([name]) => name.startsWith("REFUSED_"))
      .map(([name, refusal]) => [
        code(name),
        describeAlert(refusal & alerts.REFUSAL_ALERT),
        refusers(name, files),
      ]),
  );
}

// ---- Object identifiers and labels ----

function objectIdentifierTable(): string {
  return table(
    ["identifier", "constant", "what it is"],
    constants("host/x509/certificate.ts", "OID_")
      .filter(({ value }) => value.startsWith("2.5.30."))
      .map(({ name, value, doc }) => [code(value), code(name), doc]),
  );
}

const labelDocs: Readonly<Record<string, string>> = {
  "veracruz-identity-key-v1":
    "HMAC under the device secret over label ‖ SHA-256(first stage) ‖ counter: a device's identity key",
  "veracruz-alias-key-v1":
    "HMAC under the device secret over label ‖ SHA-256(claims of the alias certificate but the confirmation) ‖ counter: the key that signs a start's tokens",
  "veracruz-control-v1":
    "HMAC under the control key over label ‖ the isolate's challenge[32]: what its own server answers on a new connection",
  "veracruz-csr-v2":
    "nonce of the token for a certificate: SHA-256(label ‖ challenge[32] ‖ SHA-256(CSR) ‖ policy hash[32] ‖ scope hash[32]), put together by the root of trust",
  "veracruz-reattest-v2":
    "nonce of the token for one client: SHA-256(label ‖ client's nonce[32] ‖ SHA-256(SubjectPublicKeyInfo) ‖ policy hash[32] ‖ exporter[32]), put together by the root of trust",
  "veracruz-endorsement-v1":
    "payload of what a manufacturer signs of a device: label, implementation ID, instance ID, SHA-256 of its key, lifecycle, kind (COSE_Sign1 by the manufacturer's key)",
  "veracruz-confirm-v1": "statement of a board's owner, who confirms an update on it: see Updates",
  "veracruz-enrol-v1":
    "nonce of the token that proves possession of a device's key: SHA-256(label ‖ challenge[32] ‖ its point[65]), put together by the root of trust",
  "veracruz-commit-v1":
    "what an isolate's key signs to ask for a commit: label ‖ policy hash[32] ‖ scope hash[32] ‖ SHA-256(SubjectPublicKeyInfo)",
  "veracruz-commit-statement-v1": "first entry of the signed statement of `/Commit`",
  "veracruz-commit-refusal-v1": "first entry of the signed refusal of `/Commit`",
  "EXPORTER-veracruz-reattest-v2":
    "the exporter of a TLS session (RFC 8446 §7.5, no context) that binds a re-attestation to it",
  "veracruz-scope-v1":
    "first item of a policy's scope, in deterministic CBOR; its SHA-256 is the scope hash",
  "veracruz-pat-v2": "first entry of the signed statement of `/VerifyPAT`",
  "veracruz-enrolment-v1": "format of the file that enrols a device (JSON)",
};

function labelTable(): string {
  const found = new Map<string, string>();
  for (const folder of ["assembly", "host", "mcu-client"])
    for (const file of sourcesBelow(folder)) {
      if (file.startsWith("host/generate/")) continue;
      for (const [, label = ""] of source(file).matchAll(
        /"((?:EXPORTER-)?veracruz-[a-z-]+-v\d+)"/g,
      ))
        found.set(label, file);
    }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return table(
    ["label", "where it stands"],
    describeEach("the label", sorted, labelDocs).map(([name, , doc]) => [code(name), doc]),
  );
}

/** Every table, by the name in its markers. */
export const tables: Readonly<Record<string, () => string>> = {
  "h-calls": hcallTable,
  "h-call-codes": hcallCodeTable,
  "policy-fields": policyTables,
  "veracruz-server-end-points": () =>
    endPointTable(
      sourcesBelow(serverFolder)
        .filter((file) => file !== adminSocket)
        .flatMap((file) => routes(file)),
      veracruzServerDocs,
    ),
  "administrator-end-points": () => endPointTable(routes(adminSocket), administratorDocs),
  "attestation-server-end-points": () =>
    endPointTable(routes(attestationServer), attestationServerDocs),
  messages: messages.messageTables,
  fields: messages.fieldTable,
  statuses: messages.statusTable,
  states: messages.stateTable,
  alerts: alertTable,
  refusals: refusalTable,
  "object-identifiers": objectIdentifierTable,
  labels: labelTable,
  "plan-words": planTable,
};
