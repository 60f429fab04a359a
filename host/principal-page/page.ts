// The page of a principal: what the client's library does, for people who have a browser and nothing else.

import { decodeUtf8, textProblem } from "../common/text.js";
import { State, stateDocs } from "../transport-protocol/index.js";
import { allWarnings, briefRows, missingLines } from "../veracruz/brief.js";
import { stateName, VeracruzClient } from "../veracruz-client/client.js";
import { entryOf } from "../veracruz-client/identity.js";
import { CheckFailed } from "../veracruz-client/isolate-checks.js";
import { parseServerAddress } from "../veracruz-client/server-address.js";
import { OUTPUT, Policy } from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import { passedChecks, refusedChecks, type ShownCheck } from "./checks.js";
import {
  identityFromFiles,
  keepIdentity,
  keptIdentities,
  newIdentity,
  type PageIdentity,
  signingIdentityOf,
} from "./page-identity.js";
import { PageRecords } from "./page-records.js";
import { policyPicture } from "./picture.js";
import { openWebSocket, originOf } from "./web-socket-tunnel.js";

function element<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}
const input = (id: string) => element<HTMLInputElement>(id);

/** Whether `veracruz open` serves the page: then its storage is its own. Pages from a disk share theirs. */
const isServed = location.protocol === "http:" && location.hostname === "127.0.0.1";
const records = new PageRecords(isServed ? localStorage : undefined);

let person: PageIdentity | undefined;
let policy: Policy | undefined;
let client: VeracruzClient | undefined;
/** Milliseconds between two pictures of what has been sent: each costs as much as to send some hundred kilobytes. */
const PROGRESS_MS = 200;
/** The fingerprint of the only isolate that the user wants; undefined for any that passes all other checks. */
let expected: string | undefined;

function say(text: string, bad = false): void {
  const message = element("message");
  message.textContent = text;
  message.className = bad ? "bad" : "";
  document.body.dataset.said = `${bad ? "bad" : "good"}: ${text}`;
}

/** Does what somebody asked for, and says what went wrong. */
function doing(run: () => Promise<void>): void {
  run().catch((error: Error) => say(error.message, true));
}

function append(parent: HTMLElement, tag: string, text: string, className = ""): HTMLElement {
  const child = document.createElement(tag);
  child.textContent = text;
  if (className !== "") child.className = className;
  parent.append(child);
  return child;
}

function become(identity: PageIdentity): void {
  person = identity;
  element("person").textContent =
    `You are ${identity.name}. The key stays in this ${isServed ? "browser" : "page, and is gone when you close it"}.`;
  element("contact").hidden = false;
  element<HTMLTextAreaElement>("contact-text").value = identity.certificate;
  const link = element<HTMLAnchorElement>("contact-link");
  link.href = URL.createObjectURL(new Blob([identity.certificate], { type: "text/plain" }));
  mayConnect();
  say(`You are ${identity.name}`);
}

function mayConnect(): void {
  element<HTMLButtonElement>("connect-button").disabled =
    person === undefined || policy === undefined;
}

async function keep(identity: PageIdentity): Promise<void> {
  if (isServed) await keepIdentity(identity);
  become(identity);
}

async function showKept(): Promise<void> {
  if (!isServed) return;
  const kept = await keptIdentities();
  element("kept").hidden = kept.length === 0;
  const select = element<HTMLSelectElement>("kept-names");
  select.replaceChildren(...kept.map(({ name }) => new Option(name, name)));
  element("use-kept").onclick = () => {
    const chosen = kept.find(({ name }) => name === select.value);
    if (chosen !== undefined) become(chosen);
  };
}

function showPolicy(read: Policy): void {
  checkPolicyCertificates(read, new Date());
  policy = read;
  element("policy").hidden = false;
  // The picture is made of escaped text only.
  element("picture").innerHTML = policyPicture(read);
  const words = element("policy-words");
  words.replaceChildren();
  for (const [name, text] of briefRows(read)) {
    append(words, "dt", name);
    append(words, "dd", text);
  }
  const warnings = element("warnings");
  warnings.replaceChildren();
  for (const warning of allWarnings(read)) append(warnings, "p", warning, "warning");
  element("policy-hash").textContent = read.hash.toString("hex");
  input("server").value = read.document.veracruz_server_url;
  mayConnect();
  say("Read what the policy says before you accept it");
}

/** From now on this page may speak to one server only: policies of a page add up. */
function narrowTo(origin: string): void {
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = `connect-src ${origin} ${origin.replace(/^http/, "ws")}`;
  document.head.append(meta);
}
let narrowed: string | undefined;

/** The checks as they are shown: what has not changed is not drawn again, which takes longer than to send a piece. */
let shownChecks = "";

function showChecks(checks: readonly ShownCheck[]): void {
  const list = element("checks");
  const now = JSON.stringify(checks);
  if (now === shownChecks && list.hasChildNodes()) return;
  shownChecks = now;
  list.replaceChildren();
  for (const { name, outcome, words } of checks) {
    const item = append(list, "li", "", outcome);
    append(item, "strong", name);
    append(item, "span", `${{ good: "good", bad: "REFUSED", open: "open" }[outcome]}: ${words}`);
  }
}

async function connect(): Promise<void> {
  if (person === undefined || policy === undefined) return;
  const identity = signingIdentityOf(person);
  entryOf(policy, identity);
  const server = parseServerAddress(input("server").value.trim());
  const origin = originOf(server);
  if (narrowed !== undefined && narrowed !== origin)
    throw new Error(`this page has spoken to ${narrowed}: open it again for another server`);
  if (narrowed === undefined) narrowTo(origin);
  narrowed = origin;
  say("Checking the isolate …");
  element("checks").replaceChildren();
  void client?.close();
  client = undefined;
  element("taking-part").hidden = true;
  const restart = input("restart").value;
  expected = fingerprintIn(input("fingerprint").value);
  let progress: Progress;
  try {
    const session = await VeracruzClient.connect({
      policy,
      identity,
      server,
      records,
      tls: "own",
      transport: openWebSocket,
      ...(expected !== undefined && { expectIsolate: expected }),
      ...(restart !== "" && { acceptRestart: Number(restart) }),
    });
    try {
      if (input("fresh").checked) await session.reattest("isolate");
      progress = await progressOf(session);
    } catch (error) {
      void session.close();
      throw error;
    }
    client = session;
  } catch (error) {
    showRefusal(error);
    throw error;
  }
  element("taking-part").hidden = false;
  showFiles(policy);
  show(client, policy, progress);
  say("The isolate is the right one");
}

function showRefusal(error: unknown): void {
  if (error instanceof CheckFailed) showChecks(refusedChecks(error.check, error.message));
}

/** A fingerprint as somebody types it; undefined where the field is empty. @throws Error in words */
function fingerprintIn(text: string): string | undefined {
  const digits = text.replace(/[\s:]/g, "").toLowerCase();
  if (digits !== "" && !/^[0-9a-f]{64}$/.test(digits))
    throw new Error("the fingerprint: expected its 64 hexadecimal digits, or nothing");
  return digits === "" ? undefined : digits;
}

/** How far a computation is, and which files are missing: asked in one go. */
type Progress = Awaited<ReturnType<typeof progressOf>>;
const progressOf = (session: VeracruzClient) => Promise.all([session.state(), session.missing()]);

async function refresh(): Promise<void> {
  if (client === undefined || policy === undefined) return;
  show(client, policy, await progressOf(client));
}

function show(session: VeracruzClient, under: Policy, [answer, names]: Progress): void {
  const { state, round, maxRounds } = answer;
  const name = Object.keys(State).find((key) => key.toLowerCase() === stateName(state));
  const words = name === undefined ? String(state) : stateDocs[name as keyof typeof State];
  element("state").textContent = `${words}; round ${round} of ${maxRounds}.`;
  const lines = missingLines(names.map((each) => ({ name: each, from: under.writersOf(each) })));
  const list = element("missing");
  list.replaceChildren();
  for (const line of lines) append(list, "li", `Missing: ${line}`);
  list.hidden = lines.length === 0;
  showChecks(passedChecks(session, under, expected));
}

/** Takes what is dropped on an area, or chosen in its field. */
function takes(area: HTMLElement, field: HTMLInputElement, take: (file: File) => Promise<void>) {
  const one = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file !== undefined) doing(() => take(file));
  };
  field.addEventListener("change", () => one(field.files));
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    one(event.dataTransfer?.files);
  });
}

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());

/** A text file, as the commands take one. @throws Error when it is none */
async function textOf(file: File): Promise<string> {
  const bytes = await bytesOf(file);
  const problem = textProblem(bytes);
  if (problem !== undefined) throw new Error(`${JSON.stringify(file.name)} ${problem}`);
  return decodeUtf8(bytes);
}

/** Bytes of a file that are read at once: few at first, so that sending begins, then more and more up to these. */
const FIRST_READ_BYTES = 256 * 1024;
const MOST_READ_BYTES = 4 * 1024 * 1024;

/** What is in a file, piece by piece: the next is read while one is sent. */
async function* piecesOf(file: File): AsyncGenerator<Uint8Array> {
  let size = FIRST_READ_BYTES;
  let next = bytesOf(file.slice(0, size));
  for (let at = size; at < file.size; at += size) {
    const piece = await next;
    if (at > size) size = Math.min(2 * size, MOST_READ_BYTES);
    next = bytesOf(file.slice(at, at + size));
    yield piece;
  }
  yield await next;
}

function showFiles(of: Policy): void {
  const { file_rights: rights } = entryOf(of, signingIdentityOf(person as PageIdentity));
  const sending = element("sending");
  const reading = element("reading");
  sending.replaceChildren();
  reading.replaceChildren();
  for (const { file_name, rights: right } of rights) {
    if (right.includes("w")) sending.append(dropFor(of, file_name));
    if (right.includes("r")) reading.append(fetchOf(file_name));
  }
  element("consent").hidden = !rights.some(
    ({ file_name, rights: right }) => file_name === OUTPUT && right.includes("r"),
  );
}

function dropFor(of: Policy, name: string): HTMLElement {
  const area = document.createElement("div");
  area.className = "drop";
  const id = `send-${name}`;
  const isProgram = of.programOf(name) !== undefined;
  const label = append(
    area,
    "label",
    `${isProgram ? "The program" : "Your file"} ${name}: drop it here, or choose it`,
  );
  (label as HTMLLabelElement).htmlFor = id;
  const field = document.createElement("input");
  Object.assign(field, { type: "file", id });
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", `Progress of ${name}`);
  Object.assign(bar, { value: 0, max: 1, hidden: true });
  area.append(field, bar);
  const outcome = append(area, "p", "");
  takes(area, field, async (file) => {
    const { size: length } = file;
    if (length === 0) throw new Error(`${file.name} is empty: what is sent is final`);
    bar.hidden = false;
    let drawn = performance.now();
    const progress = (done: number, total: number) => {
      const now = performance.now();
      if (now - drawn < PROGRESS_MS && done < total) return;
      drawn = now;
      Object.assign(bar, { max: total, value: done });
    };
    const session = client as VeracruzClient;
    const source = { length, pieces: piecesOf(file) };
    try {
      if (isProgram) await session.sendProgram(name, source, progress);
      else if (name.startsWith("stream-")) await session.sendStream(name, source, progress);
      else await session.sendData(name, source, progress);
    } catch (error) {
      showRefusal(error);
      throw error;
    }
    outcome.textContent = `${file.name}, ${length} bytes, is in the isolate as ${name}.`;
    say(`Sent ${name}`);
    await refresh();
  });
  return area;
}

function fetchOf(name: string): HTMLElement {
  const area = document.createElement("div");
  const button = append(area, "button", name === OUTPUT ? "Fetch the result" : `Fetch ${name}`);
  const link = append(area, "a", "") as HTMLAnchorElement;
  link.download = name;
  button.addEventListener("click", () =>
    doing(async () => {
      const bytes = Uint8Array.from(await (client as VeracruzClient).read(name));
      link.href = URL.createObjectURL(new Blob([bytes]));
      link.textContent = `Save ${name}, ${bytes.length} bytes`;
      link.dataset.hex = Buffer.from(bytes.subarray(0, 4096)).toString("hex");
      await refresh();
      say(`Fetched ${name}`);
    }),
  );
  return area;
}

element("make").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(async () => keep(await newIdentity(input("name").value.trim())));
});
input("identity-files").addEventListener("change", () =>
  doing(async () => {
    const files = [...(input("identity-files").files ?? [])];
    // Keys that were files before stay files: only the page has this one.
    become(await identityFromFiles(await Promise.all(files.map(textOf))));
  }),
);
takes(element("policy-drop"), input("policy-file"), async (file) =>
  showPolicy(new Policy(await bytesOf(file))),
);
element("connect").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(connect);
});
element("refresh").addEventListener("click", () => doing(refresh));
element("agree").addEventListener("click", () =>
  doing(async () =>
    say((await (client as VeracruzClient).requestShutdown()) || "You have agreed to the end"),
  ),
);
doing(showKept);
