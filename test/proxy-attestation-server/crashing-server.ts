// A proxy attestation server that kills itself (SIGKILL) at the n-th step of its storage: before and after each
// statement, and after each transaction. Prints its port when it listens. For crash.test.ts.
//
// Usage: crashing-server DATABASE CA-KEY CA-CERTIFICATE N
import { pino } from "pino";
import { loadCa } from "../../host/proxy-attestation-server/ca.js";
import { startServer } from "../../host/proxy-attestation-server/server.js";
import {
  SqliteDatabase,
  type SqliteStatement,
} from "../../host/proxy-attestation-server/sqlite-database.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";

const [path = "", keyPath = "", certificatePath = "", n = ""] = process.argv.slice(2);

let armed = false;
let steps = 0;
function step(): void {
  if (armed && ++steps === Number(n)) process.kill(process.pid, "SIGKILL");
}

class CrashingDatabase extends SqliteDatabase {
  private readonly stepping = new Map<string, SqliteStatement>();

  override prepare(sql: string): SqliteStatement {
    const statement = super.prepare(sql);
    // What opens and closes a transaction is a part of it, counted as one step when it has ended.
    if (/^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b/.test(sql)) return statement;
    let stepping = this.stepping.get(sql);
    if (stepping === undefined) {
      stepping = {
        ...statement,
        run: (...values) => {
          step();
          const changes = statement.run(...values);
          step();
          return changes;
        },
      };
      this.stepping.set(sql, stepping);
    }
    return stepping;
  }

  override transaction<T>(kind: "immediate" | "exclusive", body: () => T): T {
    const value = super.transaction(kind, body);
    step();
    return value;
  }
}

const store = new SqliteStore(new CrashingDatabase(path));
const server = await startServer(store, loadCa(keyPath, certificatePath), {
  host: "127.0.0.1",
  port: 0,
  logger: pino({ level: "silent" }),
});
armed = true;
console.log(JSON.stringify({ port: server.address.port }));
