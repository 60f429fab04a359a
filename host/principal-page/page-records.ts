import { ComputationRecords, type RecordedIsolate } from "../continuity/records.js";

/** Where a page remembers which isolate a computation was begun with: in the browser, or only while it is open. */
export class PageRecords extends ComputationRecords {
  /** @param storage of the browser; undefined for a page whose storage others share */
  constructor(private readonly storage: Storage | undefined) {
    super("this browser");
  }

  private readonly memory = new Map<string, string>();
  private readonly prefix = "veracruz computation ";

  override latest(policyHash: string): RecordedIsolate | undefined {
    const text =
      this.storage === undefined
        ? this.memory.get(policyHash)
        : this.storage.getItem(this.prefix + policyHash);
    const [, n, fingerprint] = /^(\d{1,4}) ([0-9a-f]{64})$/.exec(text ?? "") ?? [];
    return fingerprint === undefined ? undefined : { n: Number(n), fingerprint };
  }

  /** Nothing comes between a look and a record in a page. */
  protected override first(_policyHash: string, isolate: RecordedIsolate): RecordedIsolate {
    return isolate;
  }

  protected override write(policyHash: string, { n, fingerprint }: RecordedIsolate): void {
    const text = `${n} ${fingerprint}`;
    if (this.storage === undefined) this.memory.set(policyHash, text);
    else this.storage.setItem(this.prefix + policyHash, text);
  }
}
