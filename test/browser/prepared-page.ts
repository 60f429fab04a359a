// principal.html, as a party has it before it checks the isolate.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { PageDriver } from "./page-driver.js";

/** Makes the page; what the script prints. */
export function makePage(file: string): string {
  const script = join(projectRoot, "scripts/bundle-page.js");
  return execFileSync(process.execPath, [script, file], { encoding: "utf8" });
}

/** Where the files of a test lie. */
export interface Folder {
  /** Writes a file there; its path. */
  write(name: string, content: string | Uint8Array): string;
}

/** The page with a person and a policy, and the server's address filled in. */
export async function preparedPage(
  browser: string,
  page: string,
  folder: Folder,
  { host = "127.0.0.1", port }: { host?: string; port: number },
  { pem, keyPem }: { pem: string; keyPem: string },
  policy: Uint8Array,
): Promise<PageDriver> {
  const driver = await PageDriver.open(browser, `file://${page}`);
  await fillIn(driver, {
    certificate: folder.write("me.pem", pem),
    key: folder.write("me.key.pem", keyPem),
    policy: folder.write("policy.json", policy),
    server: `${host}:${port}`,
  });
  return driver;
}

/** Gives an open page a person, a policy (paths) and the server's address. */
export async function fillIn(
  driver: PageDriver,
  given: { certificate: string; key: string; policy: string; server: string },
): Promise<void> {
  await driver.choose("#identity-files", given.certificate, given.key);
  await driver.said(/^good: You are /);
  await driver.choose("#policy-file", given.policy);
  await driver.said(/^good: Read what the policy says/);
  await driver.type("#server", given.server);
}
