/** The limit for reads: node:http that answers every request with the same prepared bytes. */
import { createServer } from 'node:http';

const body = Buffer.from(process.argv[2] ?? '{}');
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': body.length,
};
const server = createServer((_request, response) => {
  response.writeHead(200, headers).end(body);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
