// Starts a PostgreSQL server of a test's own: a fresh cluster in a temporary folder, on a free port of
// 127.0.0.1, with a random password. Debian's package `postgresql` has what it needs.

import { execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../host/common/free-port.js";
import { temporaryFolder } from "./support.js";

export interface Postgres {
  url: string;
  stop(): Promise<void>;
}

/** The folder with PostgreSQL's programs: on the path, or where Debian puts them. */
function binaries(): string | undefined {
  const folders = (process.env.PATH ?? "").split(":");
  const debian = "/usr/lib/postgresql";
  if (existsSync(debian))
    for (const version of readdirSync(debian).sort().reverse())
      folders.push(join(debian, version, "bin"));
  return folders.find(
    (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
  );
}

/** Who is to run it: PostgreSQL refuses to be root. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(":") ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Starts that are tried, each on another port. */
const TRIES = 3;

/** A server's process. */
interface Running {
  isOver: boolean;
  stop(): Promise<void>;
}

function run(program: string, data: string, port: number, options: SpawnOptions): Running {
  // The shell ends the server when its standard input closes: also when this process is killed. Until the server has
  // its own handlers it ignores the signal, as all that a shell starts in the background does.
  const shell = spawn(
    "sh",
    [
      "-c",
      'exec 3<&0; "$@" </dev/null 3<&- & server=$!; { read -r _ <&3; while kill -INT $server; do sleep 1; done; } & wait $server',
      "postgres",
      program,
      ...["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", ""],
      // Nothing here outlives the test.
      ...["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "shared_buffers=16MB"],
    ],
    { ...options, stdio: ["pipe", "ignore", "ignore"] },
  );
  const running = { isOver: false, stop };
  const ended = new Promise<void>((done) =>
    shell.once("exit", () => {
      running.isOver = true;
      shell.stdin?.destroy();
      done();
    }),
  );
  function stop(): Promise<void> {
    shell.stdin?.end();
    return ended;
  }
  return running;
}

/** Resolves when the server answers; rejects when it has ended, or has not answered within a minute. */
async function answers(url: string, isOver: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; ; ) {
    if (isOver()) throw new Error("it has ended");
    if (Date.now() > end) throw new Error("it does not answer");
    // Whoever else listens there by now may take a connection and say nothing.
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      client.end().catch(() => {});
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** Starts one, or says why that is not possible here. */
export async function startPostgres(): Promise<Postgres | { reason: string }> {
  const programs = binaries();
  if (programs === undefined) return { reason: "PostgreSQL is not installed (apt: postgresql)" };
  const who = account();
  if (process.getuid?.() === 0 && who === undefined)
    return { reason: "PostgreSQL does not run as root, and there is no other account" };
  const folder = temporaryFolder();
  const data = join(folder.path, "data");
  const passwordFile = join(folder.path, "password");
  const password = randomBytes(12).toString("hex");
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (who !== undefined)
    for (const path of [folder.path, data, passwordFile]) chownSync(path, who.uid, who.gid);
  try {
    execFileSync(
      join(programs, "initdb"),
      ["-D", data, "-U", "pas", "-A", "scram-sha-256", "--pwfile", passwordFile, "-N"],
      { ...who, cwd: folder.path, stdio: "pipe" },
    );
  } catch (error) {
    folder.remove();
    return { reason: `initdb failed: ${(error as Error).message.split("\n").at(-1)}` };
  }
  const stopOf = (running: Running) => async () => {
    await running.stop();
    folder.remove();
  };
  for (let left = TRIES; ; ) {
    const port = await freePort();
    const running = run(join(programs, "postgres"), data, port, { ...who, cwd: folder.path });
    const url = `postgres://pas:${password}@127.0.0.1:${port}/postgres`;
    try {
      await answers(url, () => running.isOver);
      return { url, stop: stopOf(running) };
    } catch (error) {
      await running.stop();
      // Somebody else may have taken the port in between.
      if (--left > 0) continue;
      folder.remove();
      return { reason: `PostgreSQL does not start: ${(error as Error).message}` };
    }
  }
}
