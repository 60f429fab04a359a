// Traces of model/promela/admission.pml against the real server's admission, and against the isolate's slots.
import { Admission, AdmissionRefused } from "../../../host/veracruz-server/admission.js";
import { Deployment, LocalIsolate, newPrincipal } from "../../runtime-manager/deployment.js";
import { otherForm, policy, signed } from "../../veracruz-server/signed-requests.js";
import { doSteps, type Modules, type Replayed, type Steps, Stopped } from "./replay.js";

const EPOCH_MS = 60_000;
/** Slots of strangers in the model. */
const POOL = 2;
/** More sessions than an isolate on a computer has slots for handshakes. */
const MANY = 100;

/** Replays a trace of the model. */
export async function replay(
  trace: readonly string[],
  _property: number,
  _restarts: number,
  { runtime }: Modules,
): Promise<Replayed> {
  const admission = new Admission(policy);
  const requests: ReturnType<typeof signed>[] = [];
  const taken: number[] = [];
  const broken: string[] = [];
  let now = 0;
  let isolate: LocalIsolate | undefined;
  let strangers = 0;

  /** Strangers begin as many handshakes as the isolate lets them. */
  const flood = () => {
    if (isolate === undefined) return;
    try {
      for (; strangers < MANY; strangers++) open(0);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  };
  const open = (admitted: 0 | 1) => {
    const session = 1000 + strangers + MANY * admitted;
    const answer = (isolate as LocalIsolate).request({
      type: "newSession",
      id: 1,
      admitted,
      session,
    });
    if (answer.type === "refused") throw new Stopped(answer.text);
  };

  const kinds: Steps = [
    [
      /^epoch \d+ begins$/,
      async (epoch) => {
        now = epoch * EPOCH_MS;
      },
    ],
    [
      /^the principal signs try/,
      async (attempt) => {
        requests[attempt] = signed(admission, now);
      },
    ],
    [
      /^the server takes try/,
      async (attempt, signature) => {
        const request = requests[attempt] as (typeof requests)[number];
        try {
          admission.check(signature === 0 ? request : otherForm(request), now);
        } catch (error) {
          if (!(error instanceof AdmissionRefused)) throw error;
          throw new Stopped(error.message);
        }
        taken[attempt] = (taken[attempt] ?? 0) + 1;
        if ((taken[attempt] ?? 0) > 1) broken.push(`try ${attempt} was taken twice`);
      },
    ],
    [
      /^a stranger takes slot/,
      async (slot) => {
        if (slot === POOL) flood();
      },
    ],
    [
      /^no slot is left$/,
      async () => {
        try {
          open(1);
        } catch (error) {
          broken.push(`a principal finds no slot: ${(error as Error).message}`);
          return;
        }
        throw new Stopped(`strangers have ${strangers} slots, and the principal has one`);
      },
    ],
  ];
  const principal = newPrincipal("principal");
  const needsIsolate = trace.some((step) => step.includes("slot"));
  const deployment = needsIsolate
    ? await Deployment.on(
        {
          name: "weakened",
          kind: "linux",
          open: (folder: string) => new LocalIsolate(`${folder}/device.key`, {}, runtime),
        } as const,
        { identities: [{ certificate: principal, capabilities: "input-0:w" }], uncommitted: true },
      )
    : undefined;
  isolate = deployment?.isolate;
  try {
    return { stopped: await doSteps(trace, kinds), broken };
  } finally {
    await deployment?.stop();
  }
}
