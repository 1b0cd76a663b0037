import { createDecipheriv, createCipheriv, randomBytes } from 'node:crypto';
import { Keyring, Sealer } from '../src/encryption/index.js';
import type { Figure } from './figures.js';

const TURNS = 50_000;
const TOKEN = randomBytes(32).toString('base64url');
const CONTEXT = ['stitch_grants', 'access_token', 'stitch-money', 'demo-user', 'default'];

function perSecond(work: () => void): number {
  const started = performance.now();
  for (let turn = 0; turn < TURNS; turn += 1) work();
  return TURNS / ((performance.now() - started) / 1000);
}

/** Opening a sealed token, beside AES-256-GCM under one fixed key without associated data. */
export function measureSealing(rounds: number): Figure {
  const sealer = new Sealer(new Keyring([{ id: 'bench', key: randomBytes(32) }]));
  const sealed = sealer.seal(TOKEN, CONTEXT);
  const key = randomBytes(32);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const text = Buffer.concat([cipher.update(TOKEN, 'utf8'), cipher.final()]);
  const tag = cipher.getAuthTag();
  const vault: number[] = [];
  const limit: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    vault.push(perSecond(() => sealer.open(sealed, CONTEXT)));
    limit.push(
      perSecond(() => {
        const decipher = createDecipheriv('aes-256-gcm', key, iv);
        decipher.setAuthTag(tag);
        return Buffer.concat([decipher.update(text), decipher.final()]).toString();
      }),
    );
  }
  return { name: 'open a sealed token', unit: '/s', vault, limit, against: 'bare AES-256-GCM' };
}
