// Starts a PostgreSQL server of a test's own: a fresh cluster in a temporary folder, on a free port of
// 127.0.0.1, with a random password. Debian's package `postgresql` has what it needs.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
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

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => done(port));
    });
  });
}

/** Resolves when the server answers; rejects when it has not done so within a minute. */
async function answers(url: string): Promise<void> {
  for (const end = Date.now() + 60_000; ; ) {
    if (Date.now() > end) throw new Error("it does not answer");
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await client.end().catch(() => {});
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
  const port = await freePort();
  // The shell ends the server when its standard input closes: also when this process is killed.
  const server = spawn(
    "sh",
    [
      "-c",
      '"$@" </dev/null & server=$!; read -r _; kill -INT $server; wait $server',
      "postgres",
      join(programs, "postgres"),
      ...["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", ""],
      // Nothing here outlives the test.
      ...["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "shared_buffers=16MB"],
    ],
    { ...who, cwd: folder.path, stdio: ["pipe", "ignore", "ignore"] },
  );
  const ended = new Promise<void>((done) => server.once("exit", () => done()));
  const stop = async () => {
    server.stdin?.end();
    await ended;
    folder.remove();
  };
  const url = `postgres://pas:${password}@127.0.0.1:${port}/postgres`;
  try {
    await answers(url);
  } catch (error) {
    await stop();
    return { reason: `PostgreSQL does not start: ${(error as Error).message}` };
  }
  return { url, stop };
}
