import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Computation } from "./computation.js";
import type { ServerParts } from "./parts.js";

/** What a server tells Prometheus: counts and states, never who takes part or which files there are. */
export class ServerMetrics {
  private readonly registry = new Registry();

  constructor(parts: ServerParts) {
    const { registry } = this;
    collectDefaultMetrics({ register: registry });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(value());
        },
      });
    const { computations, settings } = parts;
    const sum = (count: (computation: Computation) => number) =>
      computations.all.reduce((total, each) => total + count(each), 0);
    gauge("veracruz_sessions_open", "Sessions that are open", () =>
      sum(({ bridge }) => bridge.openSessions),
    );
    gauge(
      "veracruz_sessions_max",
      "Sessions that may be open with one isolate",
      () => settings.maxSessions,
    );
    gauge("veracruz_isolate_ready", "Isolates with which sessions can be opened", () =>
      sum(({ status }) => (status === "ready" ? 1 : 0)),
    );
    gauge("veracruz_isolates_max", "Isolates that may run", () => settings.maxIsolates);
    gauge("veracruz_isolate_memory_bytes", "Memory that the isolates which run may take", () =>
      sum(({ memory }) => memory),
    );
    gauge(
      "veracruz_isolate_restarts",
      "Starts of isolates after the first of each computation",
      () => computations.past.restarts + sum(({ restarts }) => restarts),
    );
    gauge(
      "veracruz_isolate_certificate_end_seconds",
      "When the first of the isolates' certificates ends, in seconds since 1970; 0 while there is none",
      () => {
        const ends = computations.all.flatMap(({ supervisor }) => {
          const end = supervisor?.certificate?.validTo;
          return end === undefined ? [] : [Date.parse(end) / 1000];
        });
        return ends.length === 0 ? 0 : Math.min(...ends);
      },
    );
    new Gauge({
      name: "veracruz_computations",
      help: "Computations that are held, by state",
      labelNames: ["state"],
      registers: [registry],
      collect() {
        this.reset();
        for (const state of ["waiting", "starting", "ready", "restarting"] as const)
          this.set(
            { state },
            sum(({ status }) => (status === state ? 1 : 0)),
          );
      },
    });
    new Counter({
      name: "veracruz_computations_over_total",
      help: "Computations that are over, by how they came to their end",
      labelNames: ["how"],
      registers: [registry],
      collect() {
        this.reset();
        for (const how of ["ended", "failed", "stopped"] as const)
          this.inc({ how }, computations.past[how]);
      },
    });
    new Counter({
      name: "veracruz_sessions_total",
      help: "Sessions that were opened, by whether a principal had signed for them",
      labelNames: ["admitted"],
      registers: [registry],
      collect() {
        const { principals, strangers } = computations.past;
        this.reset();
        this.inc(
          { admitted: "yes" },
          principals + sum(({ bridge }) => bridge.openedEver.principals),
        );
        this.inc({ admitted: "no" }, strangers + sum(({ bridge }) => bridge.openedEver.strangers));
      },
    });
  }

  /** The text that Prometheus reads, and its type. */
  async text(): Promise<{ type: string; body: string }> {
    return { type: this.registry.contentType, body: await this.registry.metrics() };
  }
}
