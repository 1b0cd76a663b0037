import { serverFactory } from './server.js';

describe('the server of a listener', () => {
  it('gives nobody more than a second beyond the time that a header and a request have', () => {
    const server = serverFactory({
      tls: undefined,
      maxConnections: 1,
      keepAliveMs: 1,
      trustedProxies: [],
      onDrop: () => undefined,
    })(() => undefined);
    // Node looks at an interval which limits are over, 30 s unless told otherwise.
    expect(server).toMatchObject({
      connectionsCheckingInterval: 1000,
      headersTimeout: 15_000,
      requestTimeout: 30_000,
    });
    server.close();
  });
});
