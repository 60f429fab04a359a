// principal.html in Chromium, as its user has it: opened from the disk, against a real server and an attested isolate.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import { projectRoot } from "../../host/common/paths.js";
import { isolateChecks } from "../../host/veracruz-client/isolate-checks.js";
import { BentAttestation, bends, refusal } from "../support/bent-attestation.js";
import { makeCertificate } from "../support/certificates.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System, TestAttestation, until } from "../support/system.js";
import { Impostor, isolateCertificate } from "../veracruz-client/impostor.js";
import { good, refused, policy as wrongPolicy } from "../veracruz-client/refused-certificates.js";
import { alice, authority } from "../veracruz-utils/sample-policies.js";
import { findBrowser } from "./browser.js";
import { PageDriver } from "./page-driver.js";
import { makePage, preparedPage } from "./prepared-page.js";

const browser = findBrowser();
if (browser === undefined) skip(1, "no chromium; on Debian: apt-get install chromium");
else {
  const attestation = await TestAttestation.start();
  const page = join(attestation.folder, "principal.html");
  const printed = makePage(page);
  const axeScript = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  /** Windows and colours in which the page is looked at. */
  const looks = [
    ["wide", 1000, false],
    ["dark", 1000, true],
    ["phone", 390, false],
    ["phone at night", 390, true],
  ] as const;
  const module = exampleModule("string-edit-distance");
  const data = exampleData("string-edit-distance");
  const options = {
    attestation,
    principals: { alice: "distance.wasm:w,input-0:w", bob: "input-1:w,output:r" },
    programs: { "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
  };

  const prepared = (
    address: { port: number },
    person: { pem: string; keyPem: string },
    policy: Uint8Array,
  ) => preparedPage(browser, page, attestation, address, person, policy);

  test("the page takes part: it checks, sends, fetches and agrees, from the disk", () =>
    System.use(options, async (system) => {
      const other = await system.connect("alice");
      await other.sendProgram("distance.wasm", module);
      await other.sendData("input-0", data["input-0"] as Uint8Array);
      const { bytes } = system.policy;
      const driver = await prepared(system.address, principal("bob"), bytes);
      try {
        await driver.click("#connect-button");
        await driver.said(/^good: The isolate is the right one$/);
        await driver.choose(
          "#send-input-1",
          attestation.write("mine.bin", data["input-1"] as Uint8Array),
        );
        await driver.said(/^good: Sent input-1$/);
        await driver.click("#reading button");
        await driver.said(/^good: Fetched output$/);
        const result = await driver.run<string>("document.querySelector('#reading a').dataset.hex");
        assert.is(result, Buffer.from(data["expected-1"] as Uint8Array).toString("hex"));
        await driver.run(readFileSync(axeScript, "utf8"));
        for (const [name, width, dark] of looks) {
          await driver.look(width, 900, dark);
          // For a person to look at.
          const folder = process.env.VERACRUZ_PICTURES;
          if (folder !== undefined)
            writeFileSync(join(folder, `${name}.png`), await driver.picture());
          const violations = await driver.run<string[]>(
            "axe.run().then((found) => found.violations.map((each) => [each.id, ...each.nodes.map((node) => node.html)].join(' ')))",
          );
          assert.equal(violations, [], name);
          // Of the policy's two pictures the one that fits, its words as large as those of the page.
          const pictures = await driver.run<{ kind: string; text: number }[]>(
            "[...document.querySelectorAll('#picture svg[role=img]')].filter((svg) => svg.getBoundingClientRect().width > 0).map((svg) => ({ kind: svg.getAttribute('class'), text: 13 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width }))",
          );
          assert.equal(
            pictures.map(({ kind }) => kind),
            [width < 600 ? "narrow" : "wide"],
            name,
          );
          assert.ok(
            pictures.every(({ text }) => text >= 12),
            `${name}: ${JSON.stringify(pictures)}`,
          );
          assert.is(
            await driver.run("document.documentElement.scrollWidth <= innerWidth"),
            true,
            `${name} is wider than the window`,
          );
        }
        await driver.click("#agree");
        await driver.said(/agreed|over|ended/i);
      } finally {
        await driver.close();
        await other.close();
      }
    }));

  test("a file of more than one reading arrives as it is", async () => {
    const large = randomBytes(9 * 1024 * 1024 + 1);
    const principals = { alice: "distance.wasm:w,input-0:r", bob: "input-0:w,input-1:w,output:r" };
    await System.use({ ...options, principals }, async (system) => {
      const driver = await prepared(system.address, principal("bob"), system.policy.bytes);
      try {
        await driver.click("#connect-button");
        await driver.said(/^good: The isolate is the right one$/);
        await driver.choose("#send-input-0", attestation.write("large.bin", large));
        await driver.said(/^good: Sent input-0$/);
        const reader = await system.connect("alice");
        assert.ok((await reader.read("input-0")).equals(large));
      } finally {
        await driver.close();
      }
    });
  });

  test("it refuses what every client refuses, says why at the check, and sends nothing", async () => {
    const impostor = await Impostor.start({ certificate: isolateCertificate(good), nonce: true });
    const driver = await prepared(impostor.address, alice, wrongPolicy.bytes);
    try {
      const verdict = async () => {
        await driver.click("#connect-button");
        const said = await driver.said(/^bad: /);
        const checks = await driver.run<string[]>(
          "[...document.querySelectorAll('#checks .bad')].map((each) => each.textContent)",
        );
        return { said: said.replace("bad: ", ""), checks };
      };
      // It keeps every rule; only the policy's hash, which is asked for inside TLS, is another one.
      const { said } = await verdict();
      assert.match(said, /works under another policy: 0{64}/);
      assert.equal(impostor.requests, ["requestPolicyHash"]);
      for (const [what, certificate, pattern] of refused) {
        impostor.certificate = isolateCertificate(certificate);
        const found = await verdict();
        assert.match(found.said, pattern, what);
        if (certificate.key === undefined) {
          assert.is(found.checks.length, 1, what);
          assert.ok(found.checks[0]?.includes(found.said), `${what}: ${found.checks[0]}`);
        }
        assert.is(await driver.run("document.getElementById('taking-part').hidden"), true);
        assert.is(impostor.requests.length, 1, what);
      }
    } finally {
      await driver.close();
      await impostor.stop();
    }
  });

  test("it refuses a certificate by an intermediate of the CA, and sends nothing", async () => {
    const intermediate = makeCertificate({ commonName: "Between", ca: true, issuer: authority });
    const certificate = isolateCertificate({ ...good, issuer: intermediate });
    const impostor = await Impostor.start({ certificate, intermediate, nonce: true });
    const driver = await prepared(impostor.address, alice, wrongPolicy.bytes);
    try {
      await driver.click("#connect-button");
      assert.match(await driver.said(/^bad: /), /issued under another name than the policy's CA/);
      assert.is(await driver.run("document.getElementById('taking-part').hidden"), true);
      assert.equal(impostor.requests, []);
    } finally {
      await driver.close();
      await impostor.stop();
    }
  });

  test("it demands a new attestation, and refuses each that somebody has bent on its way", async () => {
    const way = await BentAttestation.start(attestation.address);
    const policy = { proxy_attestation_server_url: way.address };
    await System.use({ ...options, policy }, async (system) => {
      const person = principal("bob");
      const driver = await prepared(system.address, person, system.policy.bytes);
      const outcomes = () =>
        driver.run<Record<string, string>>(
          "Object.fromEntries([...document.querySelectorAll('#checks li')].map((each) => [each.querySelector('strong').textContent, each.className]))",
        );
      const fresh = "Attested anew, within this session";
      const connect = async (pattern: RegExp) => {
        await driver.click("#connect-button");
        return driver.said(pattern);
      };
      try {
        await connect(/^good: The isolate is the right one$/);
        assert.equal(Object.keys(await outcomes()), Object.values(isolateChecks));
        assert.is((await outcomes())[fresh], "good");
        for (const [what, bend, rule] of bends(way.statement)) {
          way.bend = bend;
          assert.match(await connect(/^bad: /), rule, what);
          assert.is((await outcomes())[fresh], "bad", what);
          assert.is(await driver.run("document.getElementById('taking-part').hidden"), true, what);
        }
        way.bend = refusal;
        await connect(/^bad: there is no new attestation/);
        assert.is(await driver.run("document.getElementById('taking-part').hidden"), true);
        // Who does not ask for it is told that it was not made.
        await driver.click("#fresh");
        await connect(/^good: The isolate is the right one$/);
        assert.is((await outcomes())[fresh], "open");
        // The pinned key.
        await driver.type("#fingerprint", "ab:cd");
        await connect(/^bad: the fingerprint: expected its 64 hexadecimal digits/);
        await driver.type("#fingerprint", "AB".repeat(32));
        await connect(/^bad: the isolate: its fingerprint is [0-9a-f]{64}, expected was abab/);
        assert.is((await outcomes())["The key that you expect"], "bad");
        const { fingerprint } = (await system.connect("bob")).isolate;
        await driver.type("#fingerprint", fingerprint);
        await connect(/^good: The isolate is the right one$/);
        assert.is((await outcomes())["The key that you expect"], "good");
      } finally {
        await driver.close();
        way.stop();
      }
    });
  });

  test("it says what is wrong with files, and speaks to one server only", async () => {
    const driver = await PageDriver.open(browser as string, `file://${page}`);
    try {
      await driver.choose("#policy-file", attestation.write("bad.json", "{}"));
      await driver.said(/^bad: line 1, column/);
      await driver.choose("#identity-files", attestation.write("none.pem", "none"));
      await driver.said(/^bad: expected a certificate and its private key/);
      // As the commands do: no decoder takes a mark away.
      await driver.choose("#identity-files", attestation.write("mark.pem", "\ufeffnone"));
      await driver.said(/^bad: "mark\.pem" begins with a byte order mark/);
      assert.is(await driver.run("document.getElementById('connect-button').disabled"), true);
      // A key made here cannot leave: nothing of it is in the page, and none is kept.
      await driver.type("#name", "carol");
      await driver.click("#make button");
      await driver.said(/^good: You are carol$/);
      assert.is(await driver.run("localStorage.length"), 0);
      assert.equal(await driver.run("indexedDB.databases().then((all) => all.length)"), 0);
      await driver.choose("#policy-file", attestation.write("good.json", wrongPolicy.bytes));
      await driver.said(/^good: Read what/);
      await driver.click("#connect-button");
      await driver.said(/^bad: the policy does not name the certificate of carol/);
    } finally {
      await driver.close();
    }
    const other = await prepared({ port: 1 }, alice, wrongPolicy.bytes);
    try {
      await other.click("#connect-button");
      await other.said(/^bad: cannot reach the server at 127\.0\.0\.1:1: /);
      // What the page's script was made for cannot be turned to another address.
      const blocked = await other.run<string>(
        `new Promise((resolve) => {
          addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
          fetch("http://127.0.0.1:2/").catch(() => undefined);
        })`,
      );
      assert.is(blocked, "connect-src");
      await other.type("#server", "127.0.0.1:2");
      await other.click("#connect-button");
      await other.said(/^bad: this page has spoken to http:\/\/127\.0\.0\.1:1: open it again/);
    } finally {
      await other.close();
    }
  });

  test("the file is one, small, and the same each time it is made", () => {
    const again = join(attestation.folder, "again.html");
    makePage(again);
    const bytes = readFileSync(page);
    assert.ok(bytes.equals(readFileSync(again)));
    assert.ok(statSync(page).size <= 400 * 1024, `${statSync(page).size} bytes`);
    assert.ok(printed.startsWith(createHash("sha256").update(bytes).digest("hex")));
    const html = bytes.toString("utf8");
    assert.match(html, /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/);
    const [frame = ""] = html.split('<script type="module">');
    assert.not.match(
      frame,
      /<(?:script|link|img|iframe)\b|unsafe-inline|'unsafe-eval'|@import|url\(/,
    );
  });

  test("veracruz open gives it once, to who has the token, and the browser then keeps the key", async () => {
    const port = await freePort();
    const start = async () => {
      const cli = join(projectRoot, "build/js/host/veracruz/cli.js");
      const child = spawn(process.execPath, [cli, "open", "--port", String(port)], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
      return { url: line.trim(), ended };
    };
    const first = await start();
    const { origin } = new URL(first.url);
    assert.is((await fetch(origin)).status, 404);
    assert.is((await fetch(`${origin}/${"0".repeat(32)}`)).status, 404);
    // As a page elsewhere would whose name leads to this computer.
    assert.is(await statusFor(first.url, "evil.example"), 404);
    const driver = await PageDriver.open(browser as string, first.url);
    try {
      assert.is(await first.ended, 0);
      await driver.type("#name", "dora");
      await driver.click("#make button");
      await driver.said(/^good: You are dora$/);
      const again = await start();
      await driver.visit(again.url);
      await until("the kept one is offered", () =>
        driver.run<boolean>("!document.getElementById('kept').hidden"),
      );
      await driver.click("#use-kept");
      await driver.said(/^good: You are dora$/);
      // It is WebCrypto's, and does not come out.
      const exported = await driver.run<string>(
        `new Promise((resolve) => {
          indexedDB.open("veracruz").onsuccess = ({ target }) => {
            const all = target.result.transaction("identities").objectStore("identities").getAll();
            all.onsuccess = () =>
              crypto.subtle.exportKey("pkcs8", all.result[0].key).then(() => resolve("exported"), (error) => resolve(error.name));
          };
        })`,
      );
      assert.is(exported, "InvalidAccessError");
    } finally {
      await driver.close();
    }
  });

  test.after(() => attestation.stop());
}

/** The status of a GET that names another host. */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on("error", reject);
  });
}
test.run();
