// Valid but hostile modules: each is refused, or ends in a trap or a result, under sanitizers. And the
// wild ones: what an unchecked interpreter does with invalid modules.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Checker } from "../../host/wasm-checker/checker.js";
import { explain } from "../../host/wasm-checker/explain.js";
import { skip } from "../support/shared.js";
import { compareExecution } from "./fuzz/executed.js";
import { mutants } from "./fuzz/modules.js";
import { failures, runSanitized } from "./fuzz/sanitized.js";
import { hostileModules, wildModules } from "./hostile-modules.js";
import { buildRunner, hasSanitizers } from "./native/build.js";

/** Mutated modules behind the checker; the long command takes a million. */
const MUTANTS = 20_000;
/** Random programs that are run by wasm3 and by V8. */
const EXECUTED = 3000;

const host = new Checker("host");
const mcu = new Checker("mcu");

for (const { name, module, host: onHost, mcu: onDevice } of hostileModules) {
  test(`${name}: checked`, () => {
    const bytes = module();
    for (const [checker, code] of [
      [host, onHost],
      [mcu, onDevice],
    ] as const) {
      const report = checker.check(bytes);
      assert.is(report.code, code, `${checker.profile}: byte ${report.offset}`);
      if (code !== 0) assert.ok(explain(bytes, report)?.hint, "says how to mend it");
    }
  });
}

for (const { name, module, code } of wildModules) {
  test(`${name}: refused`, () => {
    assert.is(host.check(module).code, code);
    assert.not(WebAssembly.validate(module as Uint8Array<ArrayBuffer>));
  });
}

if (hasSanitizers()) {
  const runner = await buildRunner();

  for (const { name, module, host: code, ends } of hostileModules) {
    if (code !== 0) continue;
    test(`${name}: run`, async () => {
      const run = await runSanitized(runner, [module()]);
      assert.is(run.finding, undefined, run.finding?.report);
      const [outcome = "nothing"] = run.outcomes.keys();
      assert.match(outcome.replace(/^run: /, ""), ends as RegExp);
    });
  }

  for (const { name, module } of wildModules) {
    test(`${name}: a finding without the checker`, async () => {
      const { finding } = await runSanitized(runner, [module]);
      assert.match(finding?.report ?? "nothing", /AddressSanitizer|runtime error/);
    });
  }

  test(`${MUTANTS} mutated modules behind the checker: no finding, and all compile`, async () => {
    function* accepted(): Generator<Uint8Array> {
      for (const module of mutants(2, MUTANTS)) if (host.check(module).code === 0) yield module;
    }
    const run = await runSanitized(runner, accepted());
    assert.is(run.finding, undefined, run.finding?.report);
    assert.equal(failures(run), []);
    assert.ok(run.modules > MUTANTS / 10, `${run.modules} modules accepted`);
    assert.ok((run.outcomes.get("returned") ?? 0) > run.modules / 3, "runs that return");
  });

  test(`${EXECUTED} random programs: wasm3 computes what V8 computes`, async () => {
    const { compared, differences, run } = await compareExecution(runner, 3, EXECUTED);
    assert.is(run.finding, undefined, run.finding?.report);
    assert.equal(
      differences.map(({ module, ...rest }) => ({
        ...rest,
        module: Buffer.from(module).toString("hex"),
      })),
      [],
    );
    assert.ok(compared > EXECUTED / 2, `${compared} compared`);
  });
} else {
  skip(
    hostileModules.filter(({ host }) => host === 0).length + wildModules.length + 2,
    "no C compiler with AddressSanitizer and UndefinedBehaviorSanitizer (Debian: gcc)",
  );
}

test.run();
