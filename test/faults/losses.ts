import type { Arena } from './arena.js';
import type { Audited } from './grants-table.js';
import type { Findings } from './scenario.js';

/**
 * Counts the grants whose refresh token the provider does not accept any more, once the replicas
 * have ended. Whatever the scenario, a loss must have been reported, as `rotation_lost`, and no
 * grant may be reported lost that is not.
 *
 * @param unavoidable whether no client could have prevented the loss
 */
export async function countLost(
  arena: Arena,
  found: Findings,
  unavoidable: (lost: Audited) => boolean = () => false,
): Promise<number> {
  const audited = await arena.audit();
  const lost = audited.filter(({ usable }) => !usable);
  const silent = lost.filter(({ status }) => status === 'active');
  const mistaken = audited.filter(({ status, usable }) => usable && status !== 'active');
  const misnamed = lost.filter(
    ({ status, reason }) => status !== 'active' && reason !== 'rotation_lost',
  );
  const avoidable = lost.filter((each) => !unavoidable(each));
  const name = (grants: readonly { readonly user: string }[]): string =>
    `${grants.length} (${grants
      .slice(0, 5)
      .map(({ user }) => user)
      .join(', ')})`;
  found.check(avoidable.length === 0, `lost for no reason: ${name(avoidable)}`);
  found.check(silent.length === 0, `lost and not reported: ${name(silent)}`);
  found.check(misnamed.length === 0, `lost, but not as rotation_lost: ${name(misnamed)}`);
  found.check(mistaken.length === 0, `reported dead but alive: ${name(mistaken)}`);
  return lost.length;
}
