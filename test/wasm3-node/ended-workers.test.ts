// Workers that end while wasm and host functions call each other: the process goes on.
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assemble } from "../support/wat.js";

const bytes = assemble(`(module (import "env" "host" (func $host (result i32))) (memory 1)
  (func (export "loop") (loop $l (drop (call $host)) (br $l)))
  (func (export "grow") (drop (memory.grow (i32.const 1)))))`);

function start(exitAfter: number): {
  worker: Worker;
  ready: Promise<void>;
  ended: Promise<number>;
} {
  const worker = new Worker(new URL("./ended-worker.js", import.meta.url), {
    workerData: { bytes, exitAfter },
  });
  const ready = new Promise<void>((done, fail) => {
    worker.once("message", () => done());
    worker.once("error", fail);
  });
  const ended = new Promise<number>((done) => worker.once("exit", done));
  return { worker, ready, ended };
}

test("workers that are terminated in a host function", async () => {
  for (let i = 0; i < 15; i++) {
    const { worker, ready } = start(0);
    await ready;
    assert.is(await worker.terminate(), 1);
  }
});

test("workers that exit in a host function", async () => {
  for (const calls of [1, 2, 10, 55, 200]) assert.is(await start(calls).ended, 0);
});

test.run();
