import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/index.js';
import { CredentialEnds } from './credential-ends.js';
import { GrantEnds } from './grant-ends.js';

/** Ends that can be seen coming: of grants, of secrets, of certificates. */
@Module({ imports: [GrantsModule], providers: [CredentialEnds, GrantEnds] })
export class EndsModule {}
