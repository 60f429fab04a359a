import type { Logger } from "pino";
import { RateLimit } from "../common/rate-limit.js";

/** Lines of one address, and of all: so many a second on average, and at once. Anybody can be refused without end. */
const OF_ONE_PER_SECOND = 2;
const OF_ONE_AT_ONCE = 100;
const OF_ALL_PER_SECOND = 20;
const OF_ALL_AT_ONCE = 1_000;

/** Tells the log of refusals, as far as it has room for them; how many had none the next line says. */
export class RefusalLog {
  private readonly ofOne = new RateLimit(OF_ONE_PER_SECOND, OF_ONE_AT_ONCE);
  private readonly ofAll = new RateLimit(OF_ALL_PER_SECOND, OF_ALL_AT_ONCE);
  private untold = 0;

  constructor(private readonly logger: Logger) {}

  /** @param facts public ones */
  tell(address: string, facts: Record<string, unknown>): void {
    const now = performance.now();
    if (!this.ofOne.allows(address, now) || !this.ofAll.allows("all", now)) {
      this.untold++;
      return;
    }
    this.logger.info({ ...facts, ...(this.untold > 0 && { untold: this.untold }) }, "refused");
    this.untold = 0;
  }
}
