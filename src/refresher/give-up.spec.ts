import { ProviderError } from '../providers/index.js';
import { reasonToGiveUp } from './give-up.js';

const DAY = 86_400_000;
const NOW = 1_800_000_000_000;
const dead = new ProviderError('invalid_grant', 'invalid_grant');
const refused = new ProviderError('invalid_client', 'unauthorized_client');
const down = new ProviderError('unavailable', 'http_500');

describe('whether a failed refresh ends the grant', () => {
  it.each([
    ['invalid_grant', dead, {}, {}, 'grant_revoked'],
    ['invalid_grant in doubt', dead, { inDoubt: true }, {}, 'rotation_lost'],
    ['invalid_grant that is not to be believed', dead, {}, { believable: false }, undefined],
    ['the first refusal in other words', refused, { refusedSince: null }, {}, undefined],
    ['refused for less than a day', refused, { refusedSince: NOW - DAY + 1 }, {}, undefined],
    ['refused for a day, alone', refused, {}, {}, 'refused'],
    ['refused for a day, with all others', refused, {}, { alone: false }, undefined],
    ['refused for a day, not believable', refused, {}, { believable: false }, undefined],
    ['a provider that is down for a day', down, {}, {}, undefined],
  ] as const)('%s', (_, error, grant, context, reason) => {
    const given = reasonToGiveUp({ inDoubt: false, refusedSince: NOW - DAY, ...grant }, error, {
      believable: true,
      alone: true,
      now: NOW,
      ...context,
    });
    expect(given).toBe(reason);
  });
});
