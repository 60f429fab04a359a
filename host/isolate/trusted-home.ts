import type { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
import { TrustedModule, type TrustedModuleOptions } from "./trusted-module.js";

/** What `nextFrame` answers while there is more work to do. */
const FRAME_NOT_YET = 0xffff_ffff;

/**
 * The home of the trusted runtime: hands it the server's frames, and takes what it answers. The runtime is
 * started from the measured bytes, and started anew from them when it was reset: nothing of what it held
 * stays, and the root of trust then lets it name another policy and another key.
 */
export class TrustedHome {
  private current: TrustedModule;

  /**
   * Measures the runtime and instantiates the very bytes that were measured.
   *
   * @param rootOfTrust has measured nothing yet
   */
  constructor(
    private readonly runtime: Uint8Array,
    private readonly rootOfTrust: SoftwareRootOfTrust,
    private readonly options: Omit<TrustedModuleOptions, "rootOfTrust">,
  ) {
    rootOfTrust.measureRuntime(runtime);
    this.current = this.start();
  }

  private start(): TrustedModule {
    this.rootOfTrust.runtimeStarts();
    const { rootOfTrust } = this;
    return new TrustedModule(this.runtime, { ...this.options, rootOfTrust });
  }

  /** The runtime's module as it is now. */
  get module(): TrustedModule {
    return this.current;
  }

  /** Hands over a frame. Returns every frame that the runtime has ready then. */
  handle(frame: Uint8Array): Uint8Array[] {
    const { module } = this;
    const pointer = module.callU32("frameBuffer", frame.length);
    if (pointer !== 0) {
      module.store(pointer, frame);
      module.call("handleFrame", frame.length);
    }
    const frames = this.drain();
    if (module.callU32("wantsRestart") !== 0) {
      module.free();
      this.current = this.start();
    }
    return frames;
  }

  /** Tells that time has passed, in milliseconds. Returns every frame that the runtime has ready then. */
  tick(elapsed: number): Uint8Array[] {
    this.module.call("tick", elapsed);
    return this.drain();
  }

  private drain(): Uint8Array[] {
    const { module } = this;
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = module.callU32("nextFrame");
      if (length === 0) return frames;
      if (length === FRAME_NOT_YET) continue;
      frames.push(module.fetch(module.callU32("framePointer"), length));
    }
  }

  free(): void {
    this.module.free();
  }
}
