// Bounds checks of translated modules: which loads one check serves, and which it must not.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

const { reachFarthestFirst } = (await import(
  pathToFileURL(join(projectRoot, "mcu-client/wasm2c/reach.js")).href
)) as { reachFarthestFirst: (body: string) => string };

/** The checks that are put in, each with the line that it precedes. */
function checks(lines: readonly string[]): string[] {
  const result = reachFarthestFirst(lines.map((line) => `  ${line}`).join("\n"));
  const trimmed = result.split("\n").map((line) => line.trim());
  assert.equal(
    trimmed.filter((line) => !line.startsWith("reach(")),
    lines,
    "no line is taken away, none changes",
  );
  return trimmed.flatMap((line, i) =>
    line.startsWith("reach(") ? [`${line} ${trimmed[i + 1]}`] : [],
  );
}

const near = "w2c_j0 = i64_load32_s(w2c_i0, 4u);";
const far = "w2c_j1 = i64_load(w2c_i1, 8u);";
const nearOfParameter = ["w2c_i0 = w2c_p1;", near];
const farOfParameter = ["w2c_i1 = w2c_p1;", far];

test("one check serves the loads at one address, up to the end of the farthest", () => {
  assert.equal(checks([...nearOfParameter, "w2c_j0 *= w2c_j0;", ...farOfParameter]), [
    `reach(w2c_i0, 16u); ${near}`,
  ]);
  assert.equal(
    checks(["w2c_i1 = i32_load8_u(w2c_p1, 0u);", "w2c_i2 = i32_load16_s(w2c_p1, 2u);"]),
    ["reach(w2c_p1, 4u); w2c_i1 = i32_load8_u(w2c_p1, 0u);"],
  );
});

test("there is none where the first load is the farthest, or the only one", () => {
  assert.equal(checks([...farOfParameter, ...nearOfParameter]), []);
  assert.equal(checks(nearOfParameter), []);
});

test("an address that changed in between is another", () => {
  for (const change of ["w2c_p1 += w2c_i3;", "w2c_p1 = w2c_i3;", "w2c_p1 = 4u;"])
    assert.equal(checks([...nearOfParameter, change, ...farOfParameter]), [], change);
  assert.equal(checks(["w2c_i0 = i32_load(w2c_i0, 0u);", "w2c_i1 = i32_load(w2c_i0, 4u);"]), []);
});

test("what may be seen from outside, trap in another way or be left before the end separates loads", () => {
  for (const between of [
    "i32_store(w2c_i2, 0u, w2c_i3);",
    "w2c_f7(instance, w2c_i2);",
    "w2c_i2 = w2c_f7(instance, w2c_i2);",
    "w2c_i2 = (*Z_platformZ_random)(instance->Z_platform_instance, w2c_i3);",
    "w2c_i2 = CALL_INDIRECT(instance->w2c_T0, u32 (*)(void*), 1, w2c_i2, instance);",
    "w2c_i2 = I32_DIV_S(w2c_i2, w2c_i3);",
    "w2c_i2 = DIV_U(w2c_i2, w2c_i3);",
    "w2c_i2 = wasm_rt_grow_memory(&instance->w2c_memory, w2c_i2);",
    "memory_fill(&instance->w2c_memory, w2c_i2, w2c_i3, w2c_i4);",
    "if (w2c_i2) {goto w2c_B0;}",
    "if (w2c_i2) {",
    "}",
    "goto w2c_B0;",
    "w2c_B0:;",
    "w2c_L0: ",
    "UNREACHABLE;",
    "w2c_i5 = w2c_i0; goto w2c_Bfunc;",
  ])
    assert.equal(checks([...nearOfParameter, between.trim(), ...farOfParameter]), [], between);
});

test("after a store the loads at the same address are a group of their own", () => {
  const third = "w2c_j2 = i64_load(w2c_i1, 24u);";
  assert.equal(
    checks([...nearOfParameter, "i32_store(w2c_i0, 0u, w2c_i3);", ...farOfParameter, third]),
    [`reach(w2c_i1, 32u); ${far}`],
  );
});

test.run();
