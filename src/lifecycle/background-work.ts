/** Something that a process does although no request asks for it. */
export interface BackgroundWork {
  /** Begins to work. Called once: the keyring was compared, and the listeners are open. */
  start(): void;
  /** Takes no more work by itself. What somebody asks for meanwhile is still done. */
  stop(): void;
  /** Resolves when nothing is under way any more. Called after {@link stop}. */
  drain(): Promise<void>;
}

/**
 * When a work is drained: together with the requests under way, or after they were answered, as
 * they wait for it or are counted by it.
 */
export type DrainTime = 'with-requests' | 'after-requests';
