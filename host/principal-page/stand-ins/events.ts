type Listener = (...values: never[]) => void;

/** What of Node's EventEmitter the client uses. */
export class EventEmitter {
  private readonly listeners = new Map<string, { run: Listener; once: boolean }[]>();

  on(event: string, run: Listener): this {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), { run, once: false }]);
    return this;
  }

  once(event: string, run: Listener): this {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), { run, once: true }]);
    return this;
  }

  off(event: string, run: Listener): this {
    const left = (this.listeners.get(event) ?? []).filter((each) => each.run !== run);
    this.listeners.set(event, left);
    return this;
  }

  emit(event: string, ...values: unknown[]): boolean {
    const now = this.listeners.get(event) ?? [];
    for (const each of now) {
      if (each.once) this.off(event, each.run);
      (each.run as (...values: unknown[]) => void)(...values);
    }
    return now.length > 0;
  }
}
export default EventEmitter;
