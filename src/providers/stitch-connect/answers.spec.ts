import { ProviderError } from '../provider-error.js';
import { parseIssued } from './answers.js';

describe('an answer that issues a token of stitch-connect', () => {
  it.each([4, '4'])('has its account number, also written as text: %j', (told) => {
    const issued = parseIssued({ access_token: 'a', stitch_account_id: told });
    expect(issued).toMatchObject({ accessToken: 'a', accountId: 4 });
  });

  it.each([undefined, null, '', '4.5', '-4', 'four', '99999999999999999', 4.5, [4]])(
    'is malformed with %j for a number',
    (told) => {
      expect(() => parseIssued({ access_token: 'a', stitch_account_id: told })).toThrow(
        ProviderError,
      );
    },
  );
});
