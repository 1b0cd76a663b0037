import type { Presentation, Wire } from './wire.js';

/** Milliseconds within which an answer handed over may still lie unread in a process. */
const UNREAD = 250;

/** A `kill -9`; times are of `performance.now()`. */
export interface Killing {
  readonly replica: number;
  /** When the signal was sent, and when the process had ended. */
  readonly from: number;
  readonly to: number;
}

/** Why a grant was lost, as far as kills explain it. */
export type Cause = 'on the wire' | 'spooled, and back too late' | 'unknown';

/** Holds losses against what was on the wires when replicas were killed. */
export class Killings {
  readonly all: Killing[] = [];

  constructor(private readonly wires: readonly Wire[]) {}

  /** Answers that a kill cut off: what a provider without grace makes unavoidable. */
  get cutOff(): number {
    return this.wires.reduce(
      (sum, wire, replica) =>
        sum + wire.presentations.filter((each) => this.hit(replica, each)).length,
      0,
    );
  }

  /** @param refreshToken the one that the lost grant's row holds */
  causeOf(refreshToken: string): Cause {
    const [first, replica] = this.firstOf(({ token }) => token === refreshToken);
    if (first && this.hit(replica, first)) return 'on the wire';
    // The answer was written down, and the old token presented by others before it was found.
    const [answered, owner] = this.firstOf(
      ({ token, issued }) =>
        issued !== undefined && (issued === refreshToken || token === refreshToken),
    );
    const killed = this.all.some(
      (each) => each.replica === owner && each.to > (answered?.asked ?? Infinity),
    );
    const again = this.wires.flatMap(({ presentations }) => presentations);
    const reused = again.filter(({ token }) => token === answered?.token).length > 1;
    return killed && reused ? 'spooled, and back too late' : 'unknown';
  }

  /** The calls that led to a loss and the kills around them, in seconds. */
  timeline(refreshToken: string): string {
    const [parent] = this.firstOf(({ issued }) => issued === refreshToken);
    const seconds = (time = Infinity) => (time / 1000).toFixed(2);
    const calls = this.wires.flatMap((wire, replica) =>
      wire.presentations
        .filter(({ token }) => token === refreshToken || token === parent?.token)
        .map(({ asked, delivered, token, issued }) => ({
          at: asked,
          text: `${replica} ${token === refreshToken ? 'presented it' : 'presented its parent'} ${seconds(asked)}-${seconds(delivered)} ${issued === undefined ? 'in vain' : 'with success'}`,
        })),
    );
    const since = Math.min(...calls.map(({ at }) => at));
    const kills = this.all
      .filter(({ from }) => from > since - 1000 && from < since + 30_000)
      .map(({ replica, from, to }) => ({
        at: from,
        text: `kill ${replica} ${seconds(from)}-${seconds(to)}`,
      }));
    return [...calls, ...kills]
      .sort((a, b) => a.at - b.at)
      .map(({ text }) => text)
      .join('; ');
  }

  /** The earliest call of this kind, and whose it was. */
  private firstOf(kind: (call: Presentation) => boolean): [Presentation | undefined, number] {
    const found = this.wires.flatMap((wire, replica) =>
      wire.presentations.filter(kind).map((call) => ({ call, replica })),
    );
    found.sort((a, b) => a.call.asked - b.call.asked);
    return [found[0]?.call, found[0]?.replica ?? -1];
  }

  private hit(replica: number, { asked, delivered = Infinity }: Presentation): boolean {
    return this.all.some(
      (each) => each.replica === replica && asked <= each.to && delivered + UNREAD >= each.from,
    );
  }
}
