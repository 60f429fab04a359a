/**
 * Where a computation is that several servers could have: one of them `running` it, one that would (`held`), or the one
 * that ran it last and is `gone`, or has it no more, while no other has it. A server is there that has said so within
 * the last seconds.
 */
export interface Whereabouts {
  readonly state: "running" | "held" | "gone";
  /** The name of that server. */
  readonly server: string;
  readonly address: { host: string; port: number };
  /** By which that server knows requests which other servers forward to it. */
  readonly token: string;
  /** Why the computation is over; undefined while it is not. */
  readonly over: string | undefined;
}

/** What several servers share: which of them has which computation, so that a party may come to any of them. */
export interface Registry {
  /** This server's own name. */
  readonly name: string;
  /** By which this server knows requests that others forward to it. */
  readonly token: string;
  /** Where a computation is; undefined where no server has ever had it. */
  find(hash: string): Promise<Whereabouts | undefined>;
  /** Notes that this server has the computation's policy, and would run it; others may, too. */
  hold(hash: string): Promise<void>;
  /** Notes that this server has the policy no more. */
  drop(hash: string): Promise<void>;
  /**
   * Takes a computation for this server to run, unless it is over, or another server runs it that is there.
   *
   * @returns whether this server is the one to run it now
   */
  claim(hash: string): Promise<boolean>;
  /** Notes that this server runs the computation no more, and that it is not over: any that has it may run it. */
  release(hash: string): Promise<void>;
  /** Notes that a computation is over, and why. */
  finish(hash: string, reason: string): Promise<void>;
  /** Says that this server is gone. */
  close(): Promise<void>;
}
