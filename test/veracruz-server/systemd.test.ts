// The units in docs/systemd, as systemd reads them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { skip } from "../support/shared.js";

const folder = join(projectRoot, "docs/systemd");
const units = readdirSync(folder).filter((name) => name.endsWith(".service"));

/** What systemd says of the units, with another line added to each. */
function verify(tool: string, line = ""): { status: number | null; said: string } {
  const copies = mkdtempSync(join(tmpdir(), "vc-units-"));
  try {
    const paths = units.map((name) => {
      const path = join(copies, name);
      // systemd looks for the program: Node.js is where this test's own is.
      const text = readFileSync(join(folder, name), "utf8");
      assert.match(text, /^ExecStart=\/usr\/bin\/node /m);
      writeFileSync(
        path,
        text.replace("=/usr/bin/node", `=${process.execPath}`).replace("[Service]", `$&\n${line}`),
      );
      return path;
    });
    const { status, stderr } = spawnSync(tool, ["verify", "--man=no", ...paths], {
      encoding: "utf8",
    });
    return { status, said: stderr };
  } finally {
    rmSync(copies, { recursive: true });
  }
}

const tool = systemTool("systemd-analyze");
if (tool === undefined) skip(2, "no systemd-analyze; on Debian: apt-get install systemd");
else {
  test("systemd finds nothing wrong with the units", () => {
    assert.is(units.length, 2);
    assert.equal(verify(tool), { status: 0, said: "" });
  });

  test("and would say what is wrong", () => {
    assert.match(verify(tool, "Restrat=always").said, /Unknown key (name )?'Restrat'/);
  });
}
test.run();
