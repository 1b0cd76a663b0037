import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { NOBODY, adopt } from './children.js';
import { FULL_BINARIES } from './full-postgres.js';
import { PatroniNode } from './patroni-node.js';
import { ServerAddress } from './server-address.js';

/** Debian puts HAProxy where an ordinary user's PATH does not lead. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` };
const PROGRAMS = [
  ['patroni', '--version'],
  ['etcd', '--version'],
  ['haproxy', '-v'],
] as const;
/** Milliseconds for PostgreSQL to be made, or copied. */
const BEGINNING = 180_000;

/** What is missing on this machine to run a cluster; empty when nothing is. */
export function missingForPatroni(): string[] {
  const missing: string[] = PROGRAMS.filter(
    ([program, argument]) => spawnSync(program, [argument], { env: ENVIRONMENT }).status !== 0,
  ).map(([program]) => program);
  return FULL_BINARIES ? missing : [...missing, 'pg_basebackup (FAULTS_PG_BIN)'];
}

/**
 * What operators run: two PostgreSQL servers under Patroni, which agree by etcd on the primary, and
 * HAProxy, which leads to it at one address. Each as it comes from Debian.
 */
export class PatroniCluster extends ServerAddress {
  private constructor(
    port: number,
    readonly nodes: readonly [PatroniNode, PatroniNode],
    private readonly others: readonly ChildProcess[],
  ) {
    super(port);
  }

  /** @returns once there is a primary, and a standby that follows it */
  static async start(parent: string, name: string, synchronous: boolean): Promise<PatroniCluster> {
    const directory = join(parent, name);
    mkdirSync(directory);
    const [port, client, peer] = [await freePort(), await freePort(), await freePort()];
    const etcd = `http://127.0.0.1:${client}`;
    const options = { directory, etcd, synchronous, binaries: FULL_BINARIES ?? '' };
    const keeper = startEtcd(directory, etcd, `http://127.0.0.1:${peer}`);
    const nodes = [
      await PatroniNode.create('a', options),
      await PatroniNode.create('b', options),
    ] as const;
    const cluster = new PatroniCluster(port, nodes, [keeper, startHaProxy(directory, port, nodes)]);
    try {
      for (const [index, node] of nodes.entries()) {
        node.start();
        const there = () => (index === 0 ? node.leads : node.follows(synchronous));
        await eventually(`Patroni has begun node ${node.name}`, there, BEGINNING);
      }
      await eventually(
        'HAProxy leads to the primary',
        () => cluster.run('SELECT 1').catch(() => false),
        BEGINNING,
      );
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** The primary first, then the standby. @throws when there is no primary */
  async byRole(): Promise<[PatroniNode, PatroniNode]> {
    const [a, b] = this.nodes;
    if (await a.leads) return [a, b];
    if (await b.leads) return [b, a];
    throw new Error('no node leads');
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.close();
    for (const child of this.others) child.kill('SIGKILL');
  }
}

function startEtcd(parent: string, client: string, peer: string): ChildProcess {
  const data = join(parent, 'etcd');
  mkdirSync(data, { mode: 0o700 });
  if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
  const args = Object.entries({
    name: 'one',
    'data-dir': data,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `one=${peer}`,
  }).flatMap(([option, value]) => [`--${option}`, value]);
  return background(parent, 'etcd', args);
}

/** As Patroni's documentation has it: who answers 200 to `/primary` is the one. */
function startHaProxy(parent: string, port: number, nodes: readonly PatroniNode[]): ChildProcess {
  const file = join(parent, 'haproxy.cfg');
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout client 30m',
    '  timeout server 30m',
    '  timeout connect 2s',
    '  timeout check 2s',
    'listen primary',
    `  bind 127.0.0.1:${port}`,
    '  option httpchk OPTIONS /primary',
    '  http-check expect status 200',
    '  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions',
    ...nodes.map(
      (node) =>
        `  server ${node.name} 127.0.0.1:${node.port} maxconn 150 check port ${node.restPort}`,
    ),
    '',
  ];
  writeFileSync(file, lines.join('\n'));
  return background(parent, 'haproxy', ['-db', '-f', file]);
}

function background(directory: string, program: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(directory, `${program}.log`), 'a');
  return adopt(
    spawn(program, args, {
      ...NOBODY,
      cwd: directory,
      stdio: ['ignore', log, log],
      env: ENVIRONMENT,
    }),
  );
}
