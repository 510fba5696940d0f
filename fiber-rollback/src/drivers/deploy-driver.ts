/** What a tag was built into. It is never changed after it was made. */
export interface Artefact {
  readonly kind: "folder" | "image";
  /** Absolute folder of its tree; for an image, of the tree that it was built from. */
  readonly ref: string;
  readonly tag: string;
  /** The commit that was built. */
  readonly commit: string;
  /** Over the whole content: another content has another digest. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** How far a build is: the phase in a few words, and the last line that it printed. */
export interface BuildUpdate {
  readonly phase: string;
  readonly line: string | null;
}

/** Told again and again while something is built. */
export type BuildProgress = (update: BuildUpdate) => void;

/** One role as the driver finds it. */
export interface DrivenRole {
  readonly name: string;
  readonly state: "starting" | "running" | "waiting" | "stopped";
  readonly pid: number | null;
  /** The release that it runs; null when the driver cannot tell. */
  readonly release: string | null;
}

/** What runs now. */
export interface DrivenState {
  /** The release that was switched to last; null when none ever was. */
  readonly release: string | null;
  /** Its digest; null for a working tree. */
  readonly digest: string | null;
  readonly roles: readonly DrivenRole[];
  /** False when whoever runs the roles does not answer: the rest is then what is recorded. */
  readonly reachable: boolean;
}

/** What a switch did. */
export interface SwitchResult {
  /**
   * The longest time in which a role with an address took no requests, as an upper bound, ms;
   * null when nothing was switched.
   */
  readonly gapMs: number | null;
  /** What was not as planned, in plain words, such as a role that had to be stopped first. */
  readonly notes: readonly string[];
}

/**
 * How releases are built, kept and switched on one kind of installation. Its conformance suite is
 * deploy-driver-conformance.itest-kit.ts. Every method may be called again after a kill.
 */
export interface DeployDriver {
  readonly kind: "process" | "compose";
  /**
   * Builds a tag, or finds what was built from the same commit before.
   *
   * @throws FiberError BUILD_FAILED naming the command and the log, DISK_FULL
   */
  prepare(tag: string, commit: string, progress: BuildProgress): Promise<Artefact>;
  /** What a tag was built into; null when it is gone, unfinished, or not what its digest says. */
  find(tag: string): Promise<Artefact | null>;
  running(): Promise<DrivenState>;
  /** Stops the roles that write, until the next switch; again is harmless. */
  stopWriter(): Promise<void>;
  /** Starts the roles that stopWriter stopped again, as they were; again is harmless. */
  startWriter(): Promise<void>;
  /**
   * Makes a release the one that runs, and that is started from now on. With `overlap` a new role
   * is warm before the old one stops; without, the old one stops first. When it fails, the release
   * that ran before runs again.
   *
   * @throws FiberError ARTEFACT_GONE, SWITCH_FAILED, AGENT_UNREACHABLE
   */
  switchTo(artefact: Artefact, how: { readonly overlap: boolean }): Promise<SwitchResult>;
  /**
   * Removes what a tag was built into, not its record. False when nothing was there.
   *
   * @throws FiberError RELEASE_IN_USE
   */
  remove(tag: string): Promise<boolean>;
}
