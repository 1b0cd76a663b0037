import { EnvironmentReader } from './environment-reader.js';
import { outboundConfig } from './outbound.config.js';

const read = (environment: Record<string, string>) => {
  const reader = new EnvironmentReader(environment);
  const config = outboundConfig(reader);
  reader.finish();
  return config;
};

describe('the proxy variables', () => {
  it('may be in either case, of which the lower one wins; an empty one is not set', () => {
    expect(read({ HTTPS_PROXY: 'http://upper:1' }).https).toMatchObject({ host: 'upper' });
    expect(
      read({ HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' }).https,
    ).toMatchObject({ host: 'lower' });
    expect(read({ HTTP_PROXY: 'http://upper:1', http_proxy: '' }).http?.host).toBe('upper');
    expect(read({ NO_PROXY: 'a', no_proxy: 'b, c d' }).exempt).toEqual(['b', 'c', 'd']);
    expect(read({})).toEqual({ https: undefined, http: undefined, exempt: [] });
  });

  it.each([
    ['http://proxy.test:3128', false, 'proxy.test', 3128],
    ['http://proxy.test', false, 'proxy.test', 1080],
    ['http://proxy.test:80/', false, 'proxy.test', 80],
    ['proxy.test:3128', false, 'proxy.test', 3128],
    ['https://proxy.test', true, 'proxy.test', 443],
    ['http://[::1]:3128', false, '::1', 3128],
  ])('%s', (url, secure, host, port) => {
    expect(read({ HTTPS_PROXY: url }).https).toEqual({
      ...{ secure, host, port, authorization: undefined },
    });
  });

  it('may hold credentials, percent-encoded', () => {
    expect(read({ HTTP_PROXY: 'http://ann:p%40ss@proxy.test:1' }).http?.authorization).toBe(
      `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
    );
  });

  it.each(['http://', 'socks5://proxy.test', 'http://proxy.test:zz', 'http://a:%zz@proxy.test'])(
    'stops the start by name, without the value: %s',
    (url) => {
      expect(() => read({ https_proxy: url })).toThrow(/^https_proxy: http:\/\/host:port or/);
    },
  );
});
