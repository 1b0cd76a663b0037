import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const execute = promisify(execFile);

/** The package as npm would install it, in a project that knows nothing else of the vault. */
describe('the packed client', () => {
  let world: World;
  let project: string;
  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), 'client-package-'));
    const pack = ['pack', '--silent', '-w', 'clients/typescript', '--pack-destination', project];
    await execute('npm', pack);
    const [tarball = ''] = readdirSync(project);
    const scope = join(project, 'node_modules', '@stitch-token-vault');
    mkdirSync(join(scope, 'client'), { recursive: true });
    const target = join(scope, 'client');
    await execute('tar', ['-xzf', join(project, tarball), '-C', target, '--strip-components=1']);
    for (const name of ['@nestjs', 'reflect-metadata', 'rxjs']) {
      symlinkSync(join(process.cwd(), 'node_modules', name), join(project, 'node_modules', name));
    }
    world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    await world.link('ann');
  });
  afterAll(async () => {
    await world.close();
    rmSync(project, { recursive: true, force: true });
  });

  /** Runs a program in that project. @returns what it printed, as JSON */
  const run = async (file: string, program: string): Promise<unknown> => {
    writeFileSync(join(project, file), program);
    const env = { VAULT_URL: world.vault.internalUrl, VAULT_API_KEY: world.key };
    const { stdout } = await execute(process.execPath, [file], { cwd: project, env });
    return JSON.parse(stdout);
  };
  const USE = `
    const { VAULT_URL: url, VAULT_API_KEY: key } = process.env;
    const client = new VaultClient({ url, key });
    Promise.all([client.token('ann'), client.token('nobody').catch((error) => error)]).then(
      ([{ version }, error]) => {
        const { code } = error;
        console.log(JSON.stringify({ version, code, known: error instanceof VaultError }));
      },
    );`;
  const USED = { version: 1, code: 'token_not_found', known: true };

  it('is imported', async () => {
    const head = `import { VaultClient, VaultError } from '@stitch-token-vault/client';`;
    expect(await run('program.mjs', head + USE)).toEqual(USED);
  });

  it('is required', async () => {
    const head = `const { VaultClient, VaultError } = require('@stitch-token-vault/client');`;
    expect(await run('program.cjs', head + USE)).toEqual(USED);
  });

  const NEST = `
    const { VAULT_URL: url, VAULT_API_KEY: key } = process.env;
    class Settings {}
    Module({ providers: [{ provide: Settings, useValue: { url, key } }], exports: [Settings] })(
      Settings,
    );
    const roots = [
      VaultModule.forRoot({ url, key }),
      VaultModule.forRootAsync({
        imports: [Settings],
        inject: [Settings],
        useFactory: async (settings) => ({ url: settings.url, key: () => settings.key }),
      }),
    ];
    /** A feature module that does not import the client's. */
    class Feature {}
    class Accounts {
      constructor(client) {
        this.client = client;
      }
    }
    Inject(VaultClient)(Accounts, undefined, 0);
    Injectable()(Accounts);
    Module({ providers: [Accounts] })(Feature);
    (async () => {
      const versions = [];
      for (const root of roots) {
        class App {}
        Module({ imports: [root, Feature] })(App);
        const app = await NestFactory.createApplicationContext(App, { logger: false });
        versions.push((await app.get(Accounts, { strict: false }).client.token('ann')).version);
        await app.close();
      }
      console.log(JSON.stringify(versions));
    })();`;
  const NAMES = {
    'reflect-metadata': '',
    '@nestjs/common': '{ Inject, Injectable, Module }',
    '@nestjs/core': '{ NestFactory }',
    '@stitch-token-vault/client': '{ VaultClient }',
    '@stitch-token-vault/client/nestjs': '{ VaultModule }',
  };

  it('is a module of NestJS, imported', async () => {
    const imports = Object.entries(NAMES).map(([from, names]) =>
      names === '' ? `import '${from}';` : `import ${names} from '${from}';`,
    );
    expect(await run('nest.mjs', imports.join('\n') + NEST)).toEqual([1, 1]);
  });

  it('is a module of NestJS, required', async () => {
    const requires = Object.entries(NAMES).map(([from, names]) =>
      names === '' ? `require('${from}');` : `const ${names} = require('${from}');`,
    );
    expect(await run('nest.cjs', requires.join('\n') + NEST)).toEqual([1, 1]);
  });

  it('depends on nothing, and its core on nothing of Node', async () => {
    const root = join(project, 'node_modules', '@stitch-token-vault', 'client');
    const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
    expect(about).not.toHaveProperty('dependencies');
    const modules = join(root, 'dist', 'esm');
    const { stdout } = await execute('grep', ['-rhoE', `from ['"][^.'"][^'"]*`, modules]);
    expect(stdout).toBe(`from '@nestjs/common\n`);
  });
});
