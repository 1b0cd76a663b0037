import type { RotationResult } from '../../src/grants/index.js';

/** A process that works with a spool directory. */
export interface Marked {
  readonly ended: boolean;
}

/** The spool directory of one replica, or of several: outlives its processes. */
export class Disk {
  readonly entries = new Map<string, RotationResult>();
  /** What was committed, with the version that it became: kept for longer than a run takes. */
  private readonly settled = new Map<string, { item: RotationResult; version: number }>();
  /** Processes that have begun to work with it and have not ended in order. */
  readonly marks = new Map<string, Marked>();

  settle(entry: string | undefined, version?: number): void {
    const item = entry === undefined ? undefined : this.entries.get(entry);
    if (entry === undefined || !item) return;
    this.entries.delete(entry);
    this.settled.set(entry, { item, version: version ?? item.version + 1 });
  }

  /** The shelf of rotations as `RememberedRotations` sees it. */
  shelf() {
    return {
      list: () => [...this.entries.keys()],
      remembered: () => [...this.settled.keys()],
      read: (entry: string) => {
        const item = this.entries.get(entry);
        if (item) return { entry, item, version: item.version + 1 };
        const settled = this.settled.get(entry);
        return settled && { entry, ...settled };
      },
    };
  }

  /** Processes that have left something here, but for this one. */
  others(name: string): ReadonlySet<string> {
    const left = [...this.entries.keys(), ...this.settled.keys()].map((entry) =>
      entry.slice(0, entry.lastIndexOf('-')),
    );
    const dead = [...this.marks].filter(([, process]) => process.ended).map(([each]) => each);
    return new Set([...left, ...dead].filter((each) => each !== name));
  }
}
