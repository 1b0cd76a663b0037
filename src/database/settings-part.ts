import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '../common/index.js';
import type { PartState } from '../common/index.js';
import { Database } from './database.js';
import { SERVER_SETTINGS, settingProblems } from './server-settings.js';
import type { ServerSettings } from './server-settings.js';

/** Says on `/health/ready` that the database refuses writes, or is set up wrong. */
@Injectable()
export class SettingsPart implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly registry: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.add({ name: 'database_settings', needed: true, check: () => this.check() });
  }

  private async check(): Promise<PartState> {
    const [settings] = await this.database.inspect<ServerSettings>(SERVER_SETTINGS);
    const problems = settings ? settingProblems(settings) : [];
    return problems.length === 0 ? { up: true } : { up: false, reason: problems.join('; ') };
  }
}
