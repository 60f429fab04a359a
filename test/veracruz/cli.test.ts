// The seven commands as people type them: keys, acceptance, a computation, its end; and what they are told otherwise.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import { wasmPath } from "../../host/common/paths.js";
import { failureKinds } from "../../host/veracruz-client/errors.js";
import { exampleData } from "../support/example-data.js";
import { ServerCommand } from "../support/server-command.js";
import { skip } from "../support/shared.js";
import { until } from "../support/system.js";
import { Desk } from "./people.js";

const desk = new Desk();
const data = exampleData("string-edit-distance");
desk.write("distance.wasm", readFileSync(wasmPath("examples/string-edit-distance")));
desk.write("one", data["input-0"] as Uint8Array);
desk.write("two", data["input-1"] as Uint8Array);
desk.write("empty", "");
await desk.init("alice", "bob", "carol");
const [serverPort, attestationPort] = [await freePort(), await freePort()];
desk.write(
  "plan.yaml",
  `parties:
  alice: {contact: alice.contact, sends: [distance.wasm, input-0]}
  bob: {contact: bob.contact, sends: input-1, reads: output}
programs: {distance.wasm: distance.wasm}
server: 127.0.0.1:${serverPort}
attestation: {server: "127.0.0.1:${attestationPort}"}
`,
);
const planned = await desk.run("plan", "plan.yaml", "--json");
const { policy: hash } = JSON.parse(planned.out);

/** Ends what a failed test may have left. */
const stop = () => desk.run("up", "policy.json", "--stop");
test.after(async () => {
  await stop();
  desk.remove();
});

const processes = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(desk.folder));

test("init keeps the key for its owner only, makes it once, and prints a contact", async () => {
  const key = desk.path("config/veracruz/people/alice/key.pem");
  assert.is(statSync(key).mode & 0o777, 0o600);
  for (const folder of [
    "config/veracruz",
    "config/veracruz/people",
    "config/veracruz/people/alice",
  ])
    assert.is(statSync(desk.path(folder)).mode & 0o077, 0, folder);
  assert.match(
    desk.read("alice.contact"),
    /^Veracruz contact of alice\nSHA-256 [0-9a-f]{64}\n-----BEGIN CERT/,
  );
  assert.not.match(desk.read("alice.contact"), /PRIVATE/);
  const before = readFileSync(key, "utf8");
  const again = await desk.run("init", "--as", "alice");
  assert.is(again.code, 1);
  assert.match(again.err, /alice has a key here already, and it is left as it is/);
  assert.is(readFileSync(key, "utf8"), before);
  const bad = await desk.run("init", "--as", "../eve");
  assert.is(bad.code, 2);
  assert.match(bad.err, /"\.\.\/eve" cannot be a name here/);
});

test("the configuration folder is in ~/.config without XDG_CONFIG_HOME, and where that is relative", () => {
  for (const XDG_CONFIG_HOME of ["", "relative"]) {
    const home = desk.path(`home-${XDG_CONFIG_HOME}`);
    const { status, stdout, stderr } = desk.shell("veracruz init --as dora --json", "bash", {
      HOME: home,
      XDG_CONFIG_HOME,
    });
    assert.is(status, 0, stderr);
    assert.is(JSON.parse(stdout).key, `${home}/.config/veracruz/people/dora/key.pem`);
  }
});

test("several inits at once make one key, and leave nothing half made", async () => {
  const all = await Promise.all([1, 2, 3].map(() => desk.run("init", "--as", "eve")));
  assert.equal(all.map(({ code }) => code).sort(), [0, 1, 1], all.map(({ err }) => err).join());
  const names = readdirSync(desk.path("config/veracruz/people")).filter((name) =>
    name.includes("eve"),
  );
  assert.equal(names, ["eve"]);
});

test("review explains, warns, and takes nothing for accepted that nobody accepted", async () => {
  assert.is(planned.code, 0, planned.err);
  const shown = await desk.run("review", "policy.json", "--as", "alice");
  assert.is(shown.code, 20);
  assert.match(shown.out, /^ {2}alice +sends the program distance\.wasm and input-0$/m);
  assert.match(shown.out, /^ {2}bob +sends input-1; reads the result$/m);
  assert.match(
    shown.out,
    /! One party runs both the isolate and the attestation server, on 127\.0\.0\.1: it vouches for itself/,
  );
  assert.match(shown.err, /not accepted: veracruz review policy\.json --accept does, as alice/);
  const early = await desk.run("send", "--as", "alice", "input-0", "one");
  assert.is(early.code, 2);
  assert.match(early.err, /alice has accepted no policy/);
  const stranger = await desk.run("review", "policy.json", "--as", "carol", "--accept");
  assert.is(stranger.code, failureKinds.policy.exitCode);
  assert.match(stranger.err, /the policy does not name the certificate of carol/);
  const unclear = await desk.run("review", "policy.json");
  assert.is(unclear.code, 2);
  assert.match(unclear.err, /say --as with one of alice, bob$/m);
});

test("a policy that was changed by one byte is another one, which nobody has accepted", async () => {
  for (const name of ["alice", "bob"]) {
    const { code, out, err } = await desk.run(
      "review",
      "policy.json",
      "--as",
      name,
      "--accept",
      "--json",
    );
    assert.is(code, 0, err);
    const { accepted, as, policy } = JSON.parse(out);
    assert.equal([accepted, as, policy], [true, name, hash]);
  }
  writeFileSync(desk.path("changed.json"), `${desk.read("policy.json")} `);
  const { code, err } = await desk.run(
    "send",
    "--as",
    "alice",
    "--policy",
    "changed.json",
    "input-0",
    "one",
  );
  assert.is(code, 2);
  assert.match(err, /alice has not accepted the policy "changed\.json"/);
});

test("before it is up: send says that nobody listens", async () => {
  const { code, err } = await desk.run("send", "--as", "alice", "input-0", "one");
  assert.is(code, failureKinds.connection.exitCode);
  assert.match(err, /^veracruz: cannot reach the server at .*: nobody listens there/);
});

test("where another program has the server's port, send says so, and repeats nothing of its page", async () => {
  const other = createServer().on("connect", (_, socket) =>
    socket.end(
      "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE HTML>\n<p>no",
    ),
  );
  other.listen(serverPort, "127.0.0.1");
  await once(other, "listening");
  try {
    const { code, err } = await desk.run("send", "--as", "alice", "input-0", "one");
    assert.is(code, failureKinds.connection.exitCode);
    assert.match(err, /^veracruz: no Veracruz server answers at .*, but a web page \(status 501\)/);
    assert.not.match(err, /DOCTYPE/);
    const up = await desk.run("up", "policy.json", "--detach");
    assert.is(up.code, 1);
    assert.match(up.err, /cannot listen on .*: another program listens there$/m);
  } finally {
    other.close();
  }
});

test("a changed runtime does not come up, and the reason is told", async () => {
  const runtime = readFileSync(wasmPath("runtime"));
  runtime[runtime.length - 1] = (runtime[runtime.length - 1] as number) ^ 1;
  desk.write("changed.wasm", runtime);
  for (const how of [["--detach"], []]) {
    const { code, err } = await desk.run("up", "policy.json", "--runtime", "changed.wasm", ...how);
    assert.is(code, 1);
    assert.match(err, /the attestation server refuses the isolate \(measurement-not-allowed/);
  }
  await until("nothing is left", () => processes().length === 0);
});

test("killed, whenever: up leaves nothing that runs, and comes up again", async () => {
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    for (const moment of [/attested/, /up: parties can come/]) {
      const child = desk.spawn("up", "policy.json");
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += chunk;
      });
      await until(`${moment}`, () => {
        if (child.exitCode !== null) throw new Error(said);
        return moment.test(said);
      });
      const ended = once(child, "close");
      child.kill(signal);
      const [code] = await ended;
      assert.is(code, signal === "SIGTERM" ? 130 : null);
      await until("nothing is left", () => processes().length === 0);
    }
  }
  assert.is((await stop()).code, 1);
});

test("up, send, status, fetch: a computation, by programs", async () => {
  const up = await desk.run("up", "policy.json", "--detach", "--json");
  assert.is(up.code, 0, up.err);
  const state = JSON.parse(up.out);
  assert.equal([state.event, state.status, state.policy], ["up", "ready", hash]);
  const twice = await desk.run("up", "policy.json", "--detach");
  assert.is(twice.code, 1);
  assert.match(twice.err, /this computation is up already/);

  const wrong = await desk.run("send", "--as", "alice", "input-1", "one");
  assert.is(wrong.code, failureKinds.role.exitCode);
  assert.match(wrong.err, /alice may send: distance\.wasm, input-0/);
  const odd = await desk.run("send", "--as", "alice", "input-0", "one", "distance.wasm");
  assert.is(odd.code, 2);
  assert.match(odd.err, /"distance\.wasm" has no file/);
  const nothing = await desk.run("send", "--as", "alice", "input-0", "empty");
  assert.is(nothing.code, 2);
  assert.match(nothing.err, /--allow-empty/);
  const early = await desk.run("fetch", "--as", "bob");
  assert.is(early.code, failureKinds["not-ready"].exitCode, early.err);
  assert.match(
    early.err,
    /^veracruz: [a-z].*\(veracruz status shows how far it is; --wait SECONDS/m,
  );
  const foreign = await desk.run("fetch", "--as", "alice");
  assert.is(foreign.code, failureKinds.role.exitCode);
  assert.match(foreign.err, /does not let alice fetch "output"; alice may fetch: nothing/);
  assert.not.ok(existsSync(desk.path("output")));

  const sent = await desk.run(
    "send",
    "--as",
    "alice",
    "distance.wasm",
    "distance.wasm",
    "input-0",
    "one",
    "--json",
  );
  assert.is(sent.code, 0, sent.err);
  assert.equal(
    JSON.parse(sent.out).sent.map(
      ({ name, what }: { name: string; what: string }) => `${what} ${name}`,
    ),
    ["program distance.wasm", "data input-0"],
  );
  const status = await desk.run("status", "--as", "alice", "--json");
  assert.is(status.code, 0, status.err);
  const { computations, servers } = JSON.parse(status.out);
  assert.equal([computations[0].state, computations[0].round], ["provisioning", 1]);
  assert.is(servers[0].policy, hash);
  // The server says until when, and the isolate's certificate does.
  assert.is(servers[0].attestedUntil, computations[0].isolate.attestedUntil);
  assert.equal([computations[0].isolate.number, computations[0].isolate.of], [1, 1]);
  // Alice may not know of what is neither hers to read nor to send; Bob, who reads the result, hears of all.
  assert.equal(computations[0].missing, []);
  const ofBob = (await desk.run("status", "--as", "bob")).out;
  assert.match(ofBob, /^ {2}missing {2}input-1, from bob$/m);
  const dates = ofBob.match(/attested until .*$/gm) ?? [];
  assert.is(dates.length, 2, ofBob);
  for (const date of dates) assert.match(date, /^attested until \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);

  // What is wrong with a schema is told before anything is fetched, or before the end is agreed to.
  desk.write("pair.json", '{"tuple": ["u64", "u64"]}');
  desk.write("distance.json", '"u64"');
  const noSchema = await desk.run("fetch", "--as", "bob", "--type", "u64");
  assert.is(noSchema.code, 2);
  assert.match(noSchema.err, /name the schema by --schema/);
  const late = desk.run(
    ...["fetch", "--as", "bob", "-o", "result", "--schema", "pair.json", "--wait", "600"],
  );
  const second = await desk.run("send", "--as", "bob", "input-1", "two");
  assert.is(second.code, 0, second.err);
  assert.match(second.err, /checked the isolate: on a computer, development grade/);
  const mistaken = await late;
  assert.is(mistaken.code, 2, mistaken.err);
  assert.match(mistaken.err, /the result: byte 8, value\[1\]: expected u64/);
  assert.not.match(mistaken.err, /agreed to the end/);
  // A schema that shows a part of the result only does not end what keeps the rest of it.
  desk.write("part.json", '"u8"');
  const partly = await desk.run("fetch", "--as", "bob", "-o", "-", "--schema", "part.json");
  assert.is(partly.code, 2, partly.err);
  assert.match(partly.err, /^7 bytes follow the value\nveracruz: the end is not agreed to/m);
  const shown = await desk.run(
    ...["fetch", "--as", "bob", "-o", "-", "--schema", "distance.json", "--no-end"],
  );
  assert.is(shown.code, 0, shown.err);
  const distance = Number(Buffer.from(data["expected-1"] as Uint8Array).readBigUInt64LE());
  assert.is(shown.out, `${distance}\n`);
  const fetched = await desk.run(
    ...["fetch", "--as", "bob", "-o", "result", "--schema", "distance.json", "--json"],
  );
  assert.is(fetched.code, 0, fetched.err);
  assert.equal(JSON.parse(fetched.out).agreedToEnd, true);
  assert.equal(JSON.parse(fetched.out).fetched.value, distance);
  assert.equal(
    new Uint8Array(readFileSync(desk.path("result"))),
    new Uint8Array(data["expected-1"] as Uint8Array),
  );
  // The only reader has agreed to the end: all that was up ends by itself.
  await until("nothing is left", () => processes().length === 0);
  const after = await desk.run("fetch", "--as", "bob");
  assert.is(after.code, 2);
  assert.match(after.err, /bob has accepted no policy whose computation is not over/);
});

test("a computation that restarts begins from nothing, and only with who accepts that", async () => {
  const port = await freePort();
  const plan = desk.read("plan.yaml").replace(`:${serverPort}`, `:${port}`);
  desk.write("restarts.yaml", `${plan}restarts: 1\n`);
  assert.is((await desk.run("plan", "restarts.yaml", "-o", "restarts.json")).code, 0);
  assert.is((await desk.run("review", "restarts.json", "--as", "alice", "--accept")).code, 0);
  const up = () => desk.run("up", "restarts.json", "--detach");
  const send = (...more: string[]) =>
    desk.run("send", "--as", "alice", "--policy", "restarts.json", "input-0", "one", ...more);
  assert.is((await up()).code, 0);
  assert.is((await send()).code, 0);
  assert.is((await desk.run("up", "restarts.json", "--stop")).code, 0);
  const again = await up();
  assert.is(again.code, 0, again.err);
  const refused = await send();
  assert.is(refused.code, failureKinds.restart.exitCode, refused.err);
  assert.match(refused.err, /--accept-restart 2/);
  assert.not.match(refused.err, /sent data/);
  const accepted = await send("--accept-restart", "2");
  assert.is(accepted.code, 0, accepted.err);
  assert.match(accepted.err, /the computation has restarted: this is isolate 2 of 2/);
  const status = await desk.run("status", "--as", "alice", "--policy", "restarts.json");
  assert.match(status.out, /^ {2}begun {4}with isolate 2 of 2 .*: the computation has restarted/m);
  assert.is((await desk.run("up", "restarts.json", "--stop")).code, 0);
  await until("nothing is left", () => processes().length === 0);
});

test("two computations of one user share the attestation server, and either may end first", async () => {
  const other = await freePort();
  desk.write("other.yaml", desk.read("plan.yaml").replace(`:${serverPort}`, `:${other}`));
  for (const [plan, policy] of [
    ["plan.yaml", "first.json"],
    ["other.yaml", "second.json"],
  ] as const)
    assert.is((await desk.run("plan", plan, "-o", policy)).code, 0);
  for (const policy of ["first.json", "second.json"]) {
    const { code, err } = await desk.run("up", policy, "--detach");
    assert.is(code, 0, err);
  }
  assert.is((await desk.run("up", "first.json", "--stop")).code, 0);
  await until("the second serves attestation", async () => {
    const answer = await fetch(`http://127.0.0.1:${attestationPort}/healthz`).catch(
      () => undefined,
    );
    if (answer === undefined) await delay(50);
    return answer?.ok === true;
  });
  assert.is((await desk.run("up", "second.json", "--stop")).code, 0);
  await until("nothing is left", () => processes().length === 0);
});

/** What a command shows on a terminal, to its end. */
async function shownBy(child: ChildProcess): Promise<string> {
  let shown = "";
  child.stdout?.on("data", (chunk) => {
    shown += chunk;
  });
  await once(child, "close");
  return shown;
}

const ESCAPE = String.fromCharCode(27);

if (desk.shell("command -v script").status !== 0)
  skip(2, "script is not installed: apt-get install bsdextrautils");
else {
  test("colours are for terminals, and for who wants them", async () => {
    const words = "review policy.json --as alice --accept";
    assert.not.ok((await desk.run(...words.split(" "))).out.includes(ESCAPE));
    // Whatever else the environment says: services that build software set CI.
    for (const said of [{}, { CI: "1" }, { FORCE_COLOR: "0" }]) {
      const shown = await shownBy(desk.onTerminal(words, said));
      assert.ok(shown.includes(`${ESCAPE}[33mWarnings`), JSON.stringify([said, shown]));
    }
    const plain = await shownBy(desk.onTerminal(words, { NO_COLOR: "1" }));
    assert.match(plain, /Warnings/);
    assert.not.ok(plain.includes(ESCAPE));
  });

  test("on a terminal, up shows one block that stays up to date", async () => {
    const child = desk.onTerminal("up policy.json");
    let shown = "";
    child.stdout.on("data", (chunk) => {
      shown += chunk;
    });
    // Which of the two persons here asks is the first by name; she may know of what is hers to send.
    await until("who is missing", () =>
      /missing +distance\.wasm and input-0, from alice/.test(shown),
    );
    const ended = once(child, "close");
    assert.is((await stop()).code, 0);
    await ended;
    // The cursor goes up over what was shown before.
    assert.ok(shown.includes(`${ESCAPE}[5A${ESCAPE}[J`), JSON.stringify(shown));
    assert.match(shown, /attestation +127\.0\.0\.1:\d+, your own/);
    assert.match(shown, /isolate +process, attested until \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    assert.match(shown, /sessions +1 open, 1 in all/);
  });
}

test("up brings a computation up on a server that runs already, and ends it there", async () => {
  const socket = desk.path("server.sock");
  const port = await freePort();
  const server = new ServerCommand("veracruz-server", [
    ...["--admin-socket", socket, "--listen", `127.0.0.1:${port}`],
    ...["--root-of-trust", desk.path("server-device.pem")],
  ]);
  try {
    await until("the socket is there", () => existsSync(socket));
    desk.write(
      "shared.yaml",
      desk.read("plan.yaml").replace(/^server: .*$/m, `server: 127.0.0.1:${port}`),
    );
    const policy = ["--policy", "shared.json"];
    for (const words of [
      ["plan", "shared.yaml", "-o", "shared.json"],
      ["review", "shared.json", "--accept", "--as", "alice"],
      ["up", "shared.json", "--detach", "--server-socket", socket],
      ["send", "--as", "alice", ...policy, "input-0", "one"],
    ]) {
      const { code, err } = await desk.run(...words);
      assert.is(code, 0, `${words.join(" ")}: ${err}`);
    }
    assert.match(server.out, /"msg":"computation committed to the isolate"/);
    const twice = await desk.run("up", "shared.json", "--server-socket", socket, "--listen", "1");
    assert.is(twice.code, 1);
    const stopped = await desk.run("up", "shared.json", "--stop");
    assert.is(stopped.code, 0, stopped.err);
    assert.match(server.out, /"msg":"computation ended by the administrator"/);
    const gone = await desk.run(
      "send",
      "--as",
      "alice",
      ...policy,
      "distance.wasm",
      "distance.wasm",
    );
    assert.is(gone.code, failureKinds.connection.exitCode);
    assert.match(gone.err, /the server's operator has ended it/);
    const none = await desk.run("up", "shared.json", "--server-socket", desk.path("none.sock"));
    assert.is(none.code, 1);
    assert.match(none.err, /no Veracruz server answers at/);
  } finally {
    await desk.run("up", "shared.json", "--stop");
    await server.kill();
  }
});

test("up finds a server that runs here, says so, and leaves one alone that listens elsewhere", async () => {
  const socket = desk.path("runtime", "veracruz", "server.sock");
  const port = await freePort();
  const server = new ServerCommand("veracruz-server", [
    // The folder is made.
    ...["--admin-socket", socket, "--listen", `127.0.0.1:${port}`],
    ...["--root-of-trust", desk.path("server-device.pem")],
  ]);
  try {
    await until("the socket is there", () => existsSync(socket));
    assert.is(statSync(dirname(socket)).mode & 0o777, 0o700);
    const plan = desk.read("plan.yaml");
    desk.write("found.yaml", plan.replace(/^server: .*$/m, `server: 127.0.0.1:${port}`));
    const other = await freePort();
    desk.write("elsewhere.yaml", plan.replace(/^server: .*$/m, `server: 127.0.0.1:${other}`));
    const run = async (...words: string[]) => {
      const { code, err } = await desk.run(...words);
      assert.is(code, 0, `${words.join(" ")}: ${err}`);
      return err;
    };
    await run("plan", "found.yaml", "-o", "found.json");
    await run("plan", "elsewhere.yaml", "-o", "elsewhere.json");
    const said = await run("up", "found.json", "--detach");
    assert.match(said, /on the Veracruz server that runs here \(\S+server\.sock\)/);
    assert.match(server.out, /"msg":"policy added by the administrator"/);
    await run("up", "found.json", "--stop");
    const own = await run("up", "elsewhere.json", "--detach");
    assert.not.match(own, /on the Veracruz server that runs here/);
    assert.is(server.out.match(/policy added by the administrator/g)?.length, 1);
    await run("up", "elsewhere.json", "--stop");
    // Who wants none of it can say so; here its port is taken.
    const taken = await desk.run("up", "found.json", "--own-server");
    assert.is(taken.code, 1);
    assert.match(taken.err, /cannot listen on .*: another program listens there/);
    const both = await desk.run("up", "found.json", "--own-server", "--server-socket", socket);
    assert.is(both.code, 2);
    assert.match(both.err, /expected one of them/);
  } finally {
    await desk.run("up", "found.json", "--stop");
    await desk.run("up", "elsewhere.json", "--stop");
    await server.kill();
  }
});

test("bash completes commands, options, names and files of the policy", () => {
  const complete = (line: string) => {
    const { stdout, stderr } = desk.shell(`source <(veracruz completion bash)
      COMP_WORDS=(${line}); [[ "${line}" == *" " ]] && COMP_WORDS+=("")
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _veracruz; printf '%s\\n' "\${COMPREPLY[@]}"`);
    assert.is(stderr, "");
    return stdout.trim().split("\n");
  };
  assert.equal(complete("veracruz re"), ["review"]);
  assert.ok(complete("veracruz ").includes("status"));
  assert.ok(complete("veracruz up --de").includes("--detach"));
  assert.equal(complete("veracruz send --as al"), ["alice"]);
  assert.equal(complete("veracruz send --as alice "), ["distance.wasm", "input-0"]);
  assert.equal(complete("veracruz up p"), [""]);
});

test("zsh and fish get scripts that their shells take", () => {
  for (const shell of ["zsh", "fish"]) {
    const { status, stdout } = desk.shell(`veracruz completion ${shell}`);
    assert.is(status, 0);
    assert.match(stdout, /veracruz complete --/);
    desk.write(`completion.${shell}`, stdout);
    // `-n` reads without running.
    if (desk.shell(`command -v ${shell}`).status === 0)
      assert.is(desk.shell(`${shell} -n completion.${shell}`).status, 0);
  }
});

test.run();
