// A proxy attestation server that kills itself (SIGKILL) at the n-th step of its storage: before and after each
// statement, and after each transaction. Prints its port when it listens. For crash.test.ts.
//
// Usage: crashing-server DATABASE CA-KEY CA-CERTIFICATE N
import Database from "better-sqlite3";
import { pino } from "pino";
import { loadCa } from "../../host/proxy-attestation-server/ca.js";
import { startServer } from "../../host/proxy-attestation-server/server.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";

const [path = "", keyPath = "", certificatePath = "", n = ""] = process.argv.slice(2);

let armed = false;
let steps = 0;
function step(): void {
  if (armed && ++steps === Number(n)) process.kill(process.pid, "SIGKILL");
}

const db = new Database(path);
const prepare = db.prepare.bind(db);
db.prepare = ((sql: string) => {
  const statement = prepare(sql);
  const run = statement.run.bind(statement);
  statement.run = (...values: unknown[]) => {
    step();
    const result = run(...values);
    step();
    return result;
  };
  return statement;
}) as typeof db.prepare;
const transaction = db.transaction.bind(db);
db.transaction = ((body: (...args: unknown[]) => unknown) => {
  const wrapped = transaction(body);
  const immediate = (...args: unknown[]) => {
    const result = wrapped.immediate(...args);
    step();
    return result;
  };
  return Object.assign((...args: unknown[]) => wrapped(...args), {
    immediate,
    exclusive: wrapped.exclusive,
  });
}) as unknown as typeof db.transaction;

const store = new SqliteStore(db);
const server = await startServer(store, loadCa(keyPath, certificatePath), {
  host: "127.0.0.1",
  port: 0,
  logger: pino({ level: "silent" }),
});
armed = true;
console.log(JSON.stringify({ port: server.address.port }));
