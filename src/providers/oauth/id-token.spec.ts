import { checkAuthorizedParty } from './id-token.js';

describe('the authorized party of an id_token', () => {
  it.each([
    ['is not named', {}],
    ['is us', { azp: 'ours' }],
  ])('is believed when it %s', (_, claims) => {
    expect(() => {
      checkAuthorizedParty(claims, 'ours');
    }).not.toThrow();
  });

  it.each(['another', '', null, ['ours']])('is not believed when it is %j', (azp) => {
    expect(() => {
      checkAuthorizedParty({ aud: 'ours', azp }, 'ours');
    }).toThrow('untrusted: id_token_azp');
  });
});
