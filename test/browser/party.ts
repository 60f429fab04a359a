// A party that has nothing but a browser, as a process of its own, so that it can be in another network: takes part in
// a computation by the page, and prints the result in hexadecimal.
//
// Usage: node party.js TASK, a JSON file of a `PartyTask`

import { readFileSync } from "node:fs";
import { PageDriver } from "./page-driver.js";
import { fillIn } from "./prepared-page.js";

/** What the party is told. All but `browser` and `server` are paths. */
export interface PartyTask {
  browser: string;
  page: string;
  certificate: string;
  key: string;
  policy: string;
  /** HOST:PORT. */
  server: string;
  /** What it sends as `input-1`. */
  input: string;
}

const task = JSON.parse(readFileSync(process.argv[2] as string, "utf8")) as PartyTask;
const driver = await PageDriver.open(task.browser, `file://${task.page}`);
try {
  await fillIn(driver, task);
  await driver.click("#connect-button");
  await driver.said(/^good: The isolate is the right one$/);
  await driver.choose("#send-input-1", task.input);
  await driver.said(/^good: Sent input-1$/);
  await driver.click("#reading button");
  await driver.said(/^good: Fetched output$/);
  console.log(await driver.run<string>("document.querySelector('#reading a').dataset.hex"));
  await driver.click("#agree");
  await driver.said(/agreed|over|ended/i);
} finally {
  await driver.close();
}
