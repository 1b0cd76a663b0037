import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** What this process is called wherever it leaves something behind: leases, marks, journal files. */
@Injectable()
export class ProcessId {
  readonly value: string = randomUUID();
}
