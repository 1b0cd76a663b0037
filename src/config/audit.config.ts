import { defineNamespace } from './namespace.js';

/** For how long it is kept who did what. */
export interface AuditConfig {
  readonly retentionDays: number;
}

export const auditConfig = defineNamespace('audit', (reader): AuditConfig => ({
  retentionDays: reader.integer('AUDIT_RETENTION_DAYS', 400, 1, 36_500),
}));
