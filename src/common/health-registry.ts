import { Injectable } from '@nestjs/common';

/**
 * How a part is. `reason` is for operators: what is wrong, never a secret. Where it holds figures,
 * `trouble` is what it says without them: another figure is no news for the log.
 */
export type PartState =
  | { readonly up: true }
  | { readonly up: false; readonly reason: string; readonly trouble?: string };

/** A part of the process whose state `/health/ready` shows. */
export interface HealthPart {
  /** As it is shown and counted: `a-z` and `_`. */
  readonly name: string;
  /** Whether the process counts as not ready while this part is down. */
  readonly needed: boolean;
  /** Called every second, never twice at once. A throw counts as no news. */
  check(): PartState | Promise<PartState>;
}

/**
 * Where every folder says how its part is. What is told is on `/health/ready`, a gauge, and one log
 * line at each change: nobody has to write these for a part of their own.
 */
@Injectable()
export class HealthRegistry {
  private readonly known: HealthPart[] = [];

  get parts(): readonly HealthPart[] {
    return this.known;
  }

  /** Called while modules are initialised. */
  add(part: HealthPart): void {
    this.known.push(part);
  }
}
