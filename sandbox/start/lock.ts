import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { relative } from 'node:path';
import { Complaint } from './complaint.js';

/**
 * Makes sure that one launcher at a time uses a `.data`. The lock is a socket someone answers on:
 * unlike a pid in a file it can't be mistaken for held after a crash, when a pid is used again.
 *
 * @param path of the socket; taken relative to here, since a socket's path is short (108 bytes)
 * @throws Complaint when another launcher holds it
 */
export async function lock(path: string): Promise<() => void> {
  const socket = relative('', path);
  if (await isAnswered(socket)) {
    throw new Complaint('Another `npm start` is running here already: stop it first.');
  }
  rmSync(socket, { force: true });
  const server = createServer((caller) => caller.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  server.unref();
  return () => {
    server.close();
  };
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const caller = connect(socket);
    caller.once('error', () => {
      resolve(false);
    });
    caller.once('connect', () => {
      caller.destroy();
      resolve(true);
    });
  });
}
