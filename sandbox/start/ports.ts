import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Complaint, codeOf } from './complaint.js';

/** The port if it can be listened on, another free one for 0. @throws the error of `listen` */
async function probe(port: number, host: string): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        resolve((server.address() as AddressInfo).port);
      });
    });
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}

/** `wanted` when it is free on 127.0.0.1, otherwise any port that is. */
export async function choosePort(wanted: number): Promise<number> {
  try {
    return await probe(wanted, '127.0.0.1');
  } catch {
    return probe(0, '127.0.0.1');
  }
}

/** @throws Complaint naming the variable to set when the port cannot be listened on */
export async function insistOnPort(name: string, port: number, host: string): Promise<void> {
  try {
    await probe(port, host);
  } catch (error) {
    const why = codeOf(error) === 'EADDRINUSE' ? 'is in use' : `can’t be used (${codeOf(error)})`;
    throw new Complaint(`Port ${port} ${why}: stop what uses it, or set ${name} to another port.`);
  }
}
