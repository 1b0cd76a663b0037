import TestSequencer from '@jest/test-sequencer';

/**
 * What takes longest, by the whole run on two cores. On a fresh checkout Jest knows no durations and goes by
 * the size of a file, by which the scenarios with real processes come last, with one worker idle.
 */
const LONGEST = [
  'test/faults/faults.spec.ts',
  'test/integration/start.spec.ts',
  'test/simulation/simulation.spec.ts',
  'test/e2e/webhooks.spec.ts',
  'test/integration/keyring.spec.ts',
  'test/integration/audit-tampering.spec.ts',
  'test/integration/killed.spec.ts',
  'test/e2e/link-kept.spec.ts',
  'test/integration/proxy.spec.ts',
  'test/integration/rewrap.spec.ts',
  'test/integration/server-settings.spec.ts',
  'test/e2e/users.spec.ts',
  'test/e2e/schedule.spec.ts',
  'test/docs/docs.spec.ts',
  'test/client/client-package.spec.ts',
];

/** The order of the suites: the longest first, so that the workers end together. */
export default class LongestFirst extends TestSequencer {
  /** @param {{ path: string }[]} tests */
  sort(tests) {
    const place = ({ path }) => {
      const found = LONGEST.findIndex((suite) => path.endsWith(suite));
      return found < 0 ? LONGEST.length : found;
    };
    // Stable: the others stay in the order that Jest gives them.
    return [...super.sort(tests)].sort((one, other) => place(one) - place(other));
  }
}
