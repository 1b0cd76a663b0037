import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { ConfigService } from '@nestjs/config';
import { ConfigModule, databaseConfig, loadConfig, refreshConfig } from './index.js';

const environment = (name: string, more: Record<string, string> = {}) => ({
  DATABASE_URL: `postgres://vault:pw@127.0.0.1:5432/${name}`,
  VAULT_KEYRING: `main:${Buffer.alloc(32, 5).toString('base64')}`,
  ...more,
});

const modulesOf = (given: Record<string, string>) =>
  Test.createTestingModule({ imports: [ConfigModule.forRoot(loadConfig(given))] }).compile();

describe('the configuration as it is injected', () => {
  it('is that of its own vault, also where two are in one process', async () => {
    const one = await modulesOf(environment('one', { REFRESH_LEAD: '60' }));
    const two = await modulesOf(environment('two'));
    expect(one.get(databaseConfig.KEY)).toMatchObject({ database: 'one' });
    expect(two.get(databaseConfig.KEY)).toMatchObject({ database: 'two' });
    expect(one.get(refreshConfig.KEY)).toMatchObject({ leadMs: 60_000 });
    expect(two.get(refreshConfig.KEY)).toMatchObject({ leadMs: 180_000 });
  });

  it('comes from no .env file, changes no environment, and gives out no variable by its name', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-config-'));
    const before = { ...process.env };
    const cwd = process.cwd();
    try {
      process.chdir(directory);
      writeFileSync('.env', 'REFRESH_LEAD=1\nHOUSE_SECRET=from-a-file\n');
      process.env.HOUSE_SECRET_SET = 'from-the-environment';
      const modules = await modulesOf(environment('one'));
      expect(modules.get(refreshConfig.KEY)).toMatchObject({ leadMs: 180_000 });
      const service = modules.get(ConfigService);
      expect(service.get('HOUSE_SECRET')).toBeUndefined();
      expect(service.get('HOUSE_SECRET_SET')).toBeUndefined();
      expect(process.env).toEqual({ ...before, HOUSE_SECRET_SET: 'from-the-environment' });
    } finally {
      process.chdir(cwd);
      delete process.env.HOUSE_SECRET_SET;
      rmSync(directory, { recursive: true });
    }
  });
});
