// A page in a headless browser, used as a person does: by the Chrome DevTools Protocol.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { until } from "../support/system.js";
import { HeadlessBrowser } from "./browser.js";

interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A browser with one page. */
export class PageDriver {
  private nextId = 1;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  private constructor(
    private readonly browser: HeadlessBrowser,
    private readonly socket: WebSocket,
  ) {
    socket.on("message", (data) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) this.waiting.get(answer.id)?.(answer);
    });
  }

  static async open(path: string, url: string): Promise<PageDriver> {
    const browser = new HeadlessBrowser(path, url);
    const portFile = join(browser.folder, "DevToolsActivePort");
    let address: string | undefined;
    await until("the browser shows the page", async () => {
      try {
        const [port] = readFileSync(portFile, "utf8").split("\n");
        const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
          type: string;
          webSocketDebuggerUrl: string;
        }[];
        address = targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl;
      } catch {
        // Not yet.
      }
      return address !== undefined;
    });
    const socket = new WebSocket(String(address), { maxPayload: 1 << 28 });
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    const driver = new PageDriver(browser, socket);
    await driver.send("Page.enable");
    await driver.loaded(url);
    return driver;
  }

  /** Goes to another page. */
  async visit(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    await this.loaded(url);
  }

  private async loaded(url: string): Promise<void> {
    const there = `document.readyState === "complete" && location.href === ${JSON.stringify(url)}`;
    await until("the page is loaded", () =>
      // While the old page goes, nothing can be asked of it.
      this.run<boolean>(there).catch(() => false),
    );
  }

  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.nextId++;
    const answer = await new Promise<Answer>((resolve) => {
      this.waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
    this.waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  }

  /** The value of an expression in the page; a promise is waited for. */
  async run<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Forgets what the page has said so far. */
  private listen(): Promise<unknown> {
    return this.run("document.body.dataset.said = ''");
  }

  /** Chooses files in a field. */
  async choose(selector: string, ...files: readonly string[]): Promise<void> {
    await this.listen();
    await this.give(selector, ...files);
  }

  /** As `choose`; what the page has said stays. */
  async give(selector: string, ...files: readonly string[]): Promise<void> {
    const { root } = (await this.send("DOM.getDocument")) as { root: { nodeId: number } };
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector });
    if (nodeId === 0) throw new Error(`no ${selector} in the page`);
    await this.send("DOM.setFileInputFiles", { files, nodeId });
    // A page whose every change is reported is not as fast as one that somebody looks at.
    await this.send("DOM.disable");
  }

  async click(selector: string): Promise<void> {
    await this.listen();
    await this.run(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  async type(selector: string, text: string): Promise<void> {
    const field = `document.querySelector(${JSON.stringify(selector)})`;
    await this.run(`${field}.value = ${JSON.stringify(text)}`);
  }

  /** What the page says to its user, once it says something like this; throws when it says that something went wrong. */
  async said(pattern: RegExp): Promise<string> {
    let said = "";
    await until(`the page says ${pattern}`, async () => {
      said = (await this.run<string | null>("document.body.dataset.said ?? ''")) ?? "";
      if (said.startsWith("bad: ") && !pattern.test(said)) throw new Error(said);
      return pattern.test(said);
    });
    return said;
  }

  /** Width and height of the window, and colours of the night. */
  async look(width: number, height: number, dark = false): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.send("Emulation.setEmulatedMedia", { features });
  }

  /** A picture of the whole page, PNG. */
  async picture(): Promise<Buffer> {
    const options = { format: "png", captureBeyondViewport: true };
    const { data } = await this.send("Page.captureScreenshot", options);
    return Buffer.from(String(data), "base64");
  }

  async close(): Promise<void> {
    this.socket.terminate();
    await this.browser.close();
  }
}
