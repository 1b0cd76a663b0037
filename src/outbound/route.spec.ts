import type { ProxyConfig, ProxyServer } from '../config/index.js';
import { proxyFor } from './route.js';

const proxy = (port: number): ProxyServer => ({
  ...{ secure: false, host: 'proxy.test', port, authorization: undefined },
});
const CONFIG: ProxyConfig = { https: proxy(1), http: proxy(2), exempt: [] };
const portFor = (url: string, exempt: string[] = []) =>
  proxyFor(new URL(url), { ...CONFIG, exempt })?.port;

describe('the way to a URL', () => {
  it('goes through the proxy of its scheme, loopback as well', () => {
    expect(portFor('https://bank.example/token')).toBe(1);
    expect(portFor('http://bank.example/token')).toBe(2);
    expect(portFor('http://127.0.0.1:4001/')).toBe(2);
    expect(portFor('https://localhost/')).toBe(1);
    expect(proxyFor(new URL('http://a.example'), { ...CONFIG, http: undefined })).toBeUndefined();
  });

  it.each<[string, string[]]>([
    ['https://bank.example/', ['*']],
    ['https://bank.example/', ['bank.example']],
    ['https://bank.example/', ['other.example', 'BANK.Example']],
    ['https://bank.example:8443/', ['bank.example']],
    ['https://api.bank.example/', ['bank.example']],
    ['https://api.bank.example/', ['.bank.example']],
    ['https://bank.example/', ['.bank.example']],
    ['https://bank.example./', ['bank.example']],
    ['http://127.0.0.1:4001/', ['127.0.0.1']],
    ['http://10.1.2.3/', ['10.0.0.0/8']],
    ['http://[::1]:3000/', ['::1']],
    ['http://[fd00::1]/', ['fd00::/8']],
  ])('to %s is direct with %j', (url, exempt) => {
    expect(portFor(url, exempt)).toBeUndefined();
  });

  it.each<[string, string[]]>([
    ['https://mybank.example/', ['bank.example']],
    ['https://bank.example.evil.test/', ['bank.example']],
    ['https://bank.example/', ['*', 'other.example']],
    ['https://bank.example/', ['*.example']],
    ['http://11.1.2.3/', ['10.0.0.0/8']],
    ['http://10.1.2.3/', ['10.0.0.0/99']],
    ['http://10.1.2.3/', ['10.0.0.0/']],
    ['http://127.0.0.1/', ['0.0.1', 'localhost', '::1']],
  ])('to %s is not, with %j', (url, exempt) => {
    expect(portFor(url, exempt)).toBeGreaterThan(0);
  });
});
