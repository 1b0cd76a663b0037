import formbody from '@fastify/formbody';
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import { RuleBroken } from './form.js';
import { drop } from './faults.js';

/**
 * An HTTP server in the sandbox's renderError: urlencoded and JSON bodies, every connection cut when it
 * closes, and a `down` switch that cuts every connection except those to its own controls.
 */
export async function createServer(isDown: () => boolean): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 64 * 1024 });
  await app.register(formbody);
  app.addHook('onRequest', (request, reply, done) => {
    if (isDown() && !request.url.startsWith('/_sandbox/')) drop(reply);
    else done();
  });
  app.setErrorHandler((error: FastifyError | RuleBroken, _request, reply) => {
    if (error instanceof RuleBroken) {
      // `x-sandbox-rule` is for the developer's eyes; the real server often gives no description.
      return reply
        .code(400)
        .headers({ 'cache-control': 'no-store', 'x-sandbox-rule': error.rule })
        .send({ error: error.code });
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) process.stderr.write(`sandbox: ${error.stack ?? error.message}\n`);
    return reply.code(status === 415 ? 400 : status).send({ error: 'invalid_request' });
  });
  return app;
}

/** Listens on 127.0.0.1 only and says where. @throws EADDRINUSE when the port is taken. */
export async function listen(app: FastifyInstance, port: number): Promise<string> {
  return app.listen({ host: '127.0.0.1', port });
}
