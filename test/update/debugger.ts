import { connect, type Socket } from "node:net";

/** A debugger of an emulated board: enough of GDB's remote protocol to stop it at a function. */
export class Debugger {
  #received = "";
  #wake: (() => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      this.#wake?.();
    });
    socket.on("error", () => this.#wake?.());
    socket.on("close", () => this.#wake?.());
  }

  /** The board stands still from then on. @param path of the emulator's socket */
  static async attach(path: string): Promise<Debugger> {
    for (let tries = 0; ; tries++) {
      const socket = connect(path);
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once("connect", resolve).once("error", reject);
        });
        return new Debugger(socket);
      } catch (error) {
        if (tries > 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  #send(command: string): void {
    const sum = [...command].reduce((total, letter) => total + letter.charCodeAt(0), 0) & 0xff;
    this.socket.write(`$${command}#${sum.toString(16).padStart(2, "0")}`, "latin1");
  }

  async #packet(): Promise<string> {
    for (;;) {
      const match = /^\+*\$([^#]*)#..(.*)$/s.exec(this.#received);
      if (match) {
        this.#received = match[2] as string;
        this.socket.write("+");
        return match[1] as string;
      }
      if (this.socket.destroyed) throw new Error("the debugger's connection has ended");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #ask(command: string): Promise<string> {
    this.#send(command);
    return this.#packet();
  }

  /** Lets the board run. */
  run(): void {
    this.#send("c");
  }

  /** Stops it wherever it is. */
  async interrupt(): Promise<void> {
    this.socket.write("\x03");
    await this.#packet();
  }

  /** Sets breakpoints. */
  async watch(addresses: readonly number[]): Promise<void> {
    for (const address of addresses) await this.#ask(`Z1,${address.toString(16)},2`);
  }

  async unwatch(addresses: readonly number[]): Promise<void> {
    for (const address of addresses) await this.#ask(`z1,${address.toString(16)},2`);
  }

  /** Waits until the board, which runs, is at a breakpoint. */
  async stopped(): Promise<void> {
    await this.#packet();
  }

  /** Registers r0 and pc of the board, which stands still. */
  async where(): Promise<{ r0: number; pc: number }> {
    const registers = Buffer.from(await this.#ask("g"), "hex");
    return { r0: registers.readUInt32LE(0), pc: registers.readUInt32LE(15 * 4) };
  }

  /** Goes on from a breakpoint, past it. */
  async onward(addresses: readonly number[]): Promise<void> {
    await this.unwatch(addresses);
    await this.#ask("s");
    await this.watch(addresses);
    this.run();
  }

  /** Ends the emulator at once, as a power cut would. */
  kill(): void {
    this.#send("k");
  }

  close(): void {
    this.socket.destroy();
  }
}
