// The images and the compose file, as far as they can be checked without a container engine: what they copy
// is there, what they call exists, users and addresses are as documented.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addresses } from "../../host/common/addresses.js";
import { projectRoot } from "../../host/common/paths.js";

const read = (path: string) => readFileSync(join(projectRoot, path), "utf8");
const cli = "build/js/host/mcu-client/cli.js";

interface Instruction {
  name: string;
  text: string;
}

interface Stage {
  base: string;
  name: string;
  instructions: Instruction[];
}

/** A Dockerfile's stages; what stands before the first one is left out. */
function readStages(path: string): Stage[] {
  const text = read(path)
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "");
  const stages: Stage[] = [];
  for (const line of text.split("\n")) {
    const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === "FROM") {
      const [, base = "", stage = ""] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ base, name: stage, instructions: [] });
    } else if (name !== "") stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

const files = ["docker/Dockerfile", "mcu-client/Dockerfile"];
const find = (stage: Stage | undefined, name: string) =>
  stage?.instructions.filter((each) => each.name === name).map(({ text }) => text) ?? [];
/** The words of an instruction in JSON form. */
const words = (text: string) => JSON.parse(text.slice(text.indexOf("["))) as string[];

for (const file of files) {
  const stages = readStages(file);
  const last = stages.at(-1);

  test(`${file}: every stage is of the Node image that is an argument, or of an earlier stage`, () => {
    // Without a default: a tag may name another image tomorrow, and no digest is known here.
    assert.match(read(file), /^ARG NODE_IMAGE$/m);
    const known = [`\${NODE_IMAGE}`];
    for (const { base, name } of stages) {
      assert.ok(known.includes(base), base);
      known.push(name);
    }
  });

  test(`${file}: what it copies is there`, () => {
    const ignored = read(".dockerignore").split("\n");
    for (const stage of stages)
      for (const text of find(stage, "COPY")) {
        const [, from, list = ""] = /^(?:--from=(\S+) )?(?:--chown=\S+ )?(.*)$/.exec(text) ?? [];
        const sources = list.split(" ").slice(0, -1);
        assert.ok(sources.length > 0, text);
        if (from !== undefined)
          assert.ok(
            stages.some(({ name }) => name === from),
            text,
          );
        else
          for (const source of sources) {
            assert.ok(existsSync(join(projectRoot, source)), text);
            assert.not.ok(ignored.includes(source.replace(/^\.\//, "")), `${source} is ignored`);
          }
      }
  });

  test(`${file}: what runs is no root, and has a health check`, () => {
    assert.equal(find(last, "USER"), ["veracruz"]);
    const order = last?.instructions.map(({ name }) => name) ?? [];
    assert.ok(order.lastIndexOf("RUN") < order.indexOf("USER"), "nothing is done as that user");
    assert.match(find(last, "RUN").join(), /useradd --system .* veracruz/);
    assert.is(find(last, "HEALTHCHECK").length, 1);
  });

  test(`${file}: the commands in it exist, and take the options that they are given`, () => {
    const [check = ""] = find(last, "HEALTHCHECK");
    const health = words(check);
    assert.equal(health.slice(0, 2), ["node", cli]);
    const folder = health.indexOf("--folder") + 1;
    // No server is in such a folder: it says that, and not that it does not understand.
    health[folder] = "/nonexistent";
    const { status, stderr } = spawnSync(process.execPath, health.slice(1), {
      cwd: projectRoot,
      encoding: "utf8",
    });
    assert.is(status, 1, stderr);
    assert.match(stderr, /no server is ready in \/nonexistent/);
    const scripts = JSON.parse(read("package.json")).scripts;
    for (const [, name = ""] of read(file).matchAll(/\bnpm run (\S+)/g))
      assert.ok(name in scripts, name);
    for (const [, command = ""] of read(file).matchAll(/mcu-client\/cli\.js(?: |", ")(\w+)/g)) {
      const help = spawnSync(process.execPath, [cli, command, "--help"], { cwd: projectRoot });
      assert.is(help.status, 0, command);
    }
    const [entry = ""] = find(last, "ENTRYPOINT");
    const script = words(entry)[1] ?? "";
    assert.ok(existsSync(join(projectRoot, script)), script);
  });
}

test("the server's image is at the addresses of the port table", () => {
  const last = readStages("docker/Dockerfile").at(-1);
  const { mcuDemoVeracruzServer: server, mcuDemoProxyAttestationServer: attestation } = addresses;
  assert.equal(find(last, "ENV"), [`ADDRESS=${server.host}`]);
  assert.is(server.host, attestation.host);
  assert.equal(find(last, "EXPOSE"), [`${attestation.port} ${server.port}`]);
});

test("its entry point takes the address that the container has, and says so", () => {
  const run = spawnSync("sh", ["docker/serve.sh", "--wait", "nonsense"], {
    cwd: projectRoot,
    encoding: "utf8",
    env: { ...process.env, ADDRESS: "192.0.2.1" },
  });
  assert.is(run.status, 2, run.stderr);
  assert.match(run.stderr, /^this container is not 192\.0\.2\.1 but: /);
  assert.match(run.stderr, /--wait/);
});

test("the devices' pages lie apart from the keys of everybody else", () => {
  const folder = mkdtempSync(join(tmpdir(), "vc-docker-"));
  const [servers, devices] = [join(folder, "servers"), join(folder, "devices")];
  try {
    const run = spawnSync(
      process.execPath,
      [
        ...[cli, "demo", "--no-devices", "--isolate", "process", "--address", "127.0.0.1"],
        ...["--pas-port", "0", "--server-port", "0", "--wait", "1"],
        ...["--folder", servers, "--devices-folder", devices],
      ],
      { cwd: projectRoot, encoding: "utf8" },
    );
    // No device comes.
    assert.match(run.stderr, /the devices have not sent their data in time/);
    assert.match(run.stdout, new RegExp(`--folder ${devices}`));
    assert.equal(
      readdirSync(join(devices, "pages")),
      [0, 1, 2].map((n) => `device-${n}.bin`),
    );
    assert.equal(readdirSync(devices), [".veracruz-mcu-demo", "pages"]);
    assert.ok(existsSync(join(servers, "ca-key.pem")));
    assert.not.ok(existsSync(join(servers, "pages")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the compose file names stages and files that are there, and the default bridge", () => {
  const text = read("docker/compose.yaml");
  const services = text.slice(text.indexOf("services:"), text.indexOf("\nvolumes:"));
  const blocks = services.split(/^ {2}(?=\w)/m).slice(1);
  assert.equal(
    blocks.map((block) => block.split(":")[0]),
    ["server", "devices", "test"],
  );
  for (const block of blocks) {
    const [, context = "", file = ""] = /context: (\S+)\n +dockerfile: (\S+)/.exec(block) ?? [];
    assert.ok(existsSync(join(projectRoot, "docker", context, file)), file);
    assert.match(block, /network_mode: bridge/);
    const target = /target: (\S+)/.exec(block)?.[1];
    if (target !== undefined)
      assert.ok(
        readStages(file).some(({ name }) => name === target),
        target,
      );
    assert.match(block, target === undefined ? /cap_drop: \[ALL\]/ : /profiles: \[test\]/);
  }
  assert.match(text, /NODE_IMAGE: \$\{NODE_IMAGE:\?/);
  const mounts = blocks.map((block) =>
    [...block.matchAll(/^ +- (\w+):(\S+)$/gm)].map(([, volume, path]) => `${volume} ${path}`),
  );
  // The devices' container sees the devices' pages alone, and changes nothing.
  assert.equal(mounts, [["server /data", "devices /devices"], ["devices /data:ro"], []]);
  assert.match(text.slice(text.indexOf("\nvolumes:")), /^\nvolumes:\n {2}server:\n {2}devices:\n$/);
  const last = readStages("docker/Dockerfile").at(-1);
  assert.equal(find(last, "VOLUME"), ["/data /devices"]);
  assert.match(read("docker/serve.sh"), /--folder \/data\/demo --devices-folder \/devices\/demo/);
  assert.match(blocks[1] ?? "", /depends_on:\s+server:\s+condition: service_healthy/);
});

test.run();
