import { readFileSync, readdirSync } from 'node:fs';

const lines = readFileSync('Dockerfile', 'utf8').split('\n');
const last = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).at(-1);
/** The stage that becomes the image. */
const image = lines.slice(lines.lastIndexOf(last(/^FROM /) ?? ''));

describe('the image', () => {
  it('comes from one base that can be pinned by digest, on a Node that is supported', () => {
    const bases = lines.filter((line) => line.startsWith('FROM '));
    expect(bases.every((line) => line.startsWith('FROM ${NODE_IMAGE}'))).toBe(true);
    expect(lines).toContain('ARG NODE_IMAGE=node:24-bookworm-slim');
  });

  it('runs as a user without privileges', () => {
    expect(last(/^USER /)).toBe('USER node');
    expect(image.indexOf('USER node')).toBeGreaterThan(0);
    expect(image.slice(image.indexOf('USER node')).join('\n')).not.toMatch(/^(RUN|COPY|ADD) /m);
  });

  it('is written to in its volume alone, on a file system that is read-only', () => {
    expect(image).toContain('VOLUME /var/lib/stitch-token-vault');
    expect(image.join('\n')).toContain('SPOOL_DIR=/var/lib/stitch-token-vault/spool');
    const compose = readFileSync('docker-compose.yml', 'utf8');
    expect(compose).toContain('read_only: true');
    expect(compose).toMatch(/no-new-privileges/);
    expect(compose).toMatch(/cap_drop:\s*(- ALL|\[ALL\])/);
  });

  it('holds what runs, and runs no install script', () => {
    const copied = image.filter((line) => line.startsWith('COPY '));
    expect(copied).toEqual([
      'COPY package.json ./',
      'COPY --from=dependencies /app/node_modules node_modules',
      'COPY --from=build /app/dist dist',
    ]);
    const installs = lines.filter((line) => line.includes('npm ci'));
    expect(installs.every((line) => line.includes('--ignore-scripts'))).toBe(true);
    expect(installs.at(-1)).toContain('--omit=dev --omit=optional');
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignored).toContain('*');
  });
});

describe('docker-compose.yml', () => {
  const compose = readFileSync('docker-compose.yml', 'utf8');
  const [, ...services] = (/^services:$(.*?)^secrets:$/ms.exec(compose)?.[1] ?? '').split(
    /^ {2}(?=\w+:$)/m,
  );
  const service = (name: string) => services.find((text) => text.startsWith(`${name}:`)) ?? '';

  it('has the vault work with the small role, and the owner migrate and give it its rights', () => {
    expect(service('vault')).toContain('database_url, ');
    expect(service('vault')).not.toContain('owner_database_url');
    expect(service('migrate')).toContain('DATABASE_URL_FILE: /run/secrets/owner_database_url');
    expect(service('migrate')).toContain('migrate, --role, vault_app]');
    const secrets = readFileSync('deploy/make-secrets.sh', 'utf8');
    expect(secrets).toMatch(/^save database_url "postgres:\/\/vault_app:/m);
  });

  it('leaves more time than the longest stop takes, and limits memory and logs', () => {
    const [, grace] = /stop_grace_period: (\d+)s/.exec(service('vault')) ?? [];
    // PROVIDER_TIMEOUT and five seconds.
    expect(Number(grace)).toBeGreaterThan(10 + 5);
    for (const name of ['postgres', 'migrate', 'vault']) {
      expect(service(name)).toMatch(/mem_limit: /);
      expect(service(name)).toMatch(/<<: \*hardened|logging: \*logging/);
    }
  });

  it('needs no variable, and .env.example has all that it takes', () => {
    const taken = [...compose.matchAll(/\$\{(\w+)(:?[-?])?/g)];
    expect(taken.map(([, name, way]) => ({ name, way }))).toEqual(
      taken.map(([, name]) => ({ name, way: ':-' })),
    );
    const example = readFileSync('.env.example', 'utf8');
    for (const [, name = ''] of taken) expect(example).toContain(`${name}=`);
  });
});

describe('the Helm chart', () => {
  it('has the vault work with the small role, and the owner migrate and give it its rights', () => {
    const job = readFileSync('deploy/helm/templates/migrate.yaml', 'utf8');
    expect(job).toMatch(
      /secretName: \{\{ required "[^"]+" \.Values\.migrations\.existingSecret \}\}/,
    );
    expect(job).toMatch(/with \.Values\.migrations\.role[^-]+- --role/);
    expect(readFileSync('deploy/helm/values.yaml', 'utf8')).toMatch(/^ {2}role: vault_app$/m);
    const pods = readFileSync('deploy/helm/templates/statefulset.yaml', 'utf8');
    expect(pods).not.toContain('migrations.');
  });
});

describe('the workflows', () => {
  const files = readdirSync('.github/workflows');
  const used = files.flatMap((file) =>
    readFileSync(`.github/workflows/${file}`, 'utf8')
      .split('\n')
      .filter((line) => /\buses:/.test(line)),
  );

  it('run actions by the commit, which nobody can move, with its version beside it', () => {
    expect(used.length).toBeGreaterThan(0);
    for (const line of used)
      expect(line).toMatch(/uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });
});
