import { Controller, Get, Header, Param, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AuditLog } from '../audit/index.js';
import {
  DEFAULT_PROVIDER,
  ProviderPipe,
  RequireScope,
  VaultError,
  assertMayActForVault,
  callerOf,
} from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { ClientTokenReader } from './client-token-reader.js';
import { ClientTokenDto, ReadClientTokenQuery, toClientTokenDto } from './client-tokens.dto.js';

@ApiTags('client tokens')
@ApiBearerAuth()
@ApiParam({
  name: 'provider',
  description: 'A provider that is configured',
  example: DEFAULT_PROVIDER,
})
@Controller('client-tokens')
export class ClientTokensController {
  constructor(
    private readonly reader: ClientTokenReader,
    private readonly providers: ProviderRegistry,
    private readonly audit: AuditLog,
  ) {}

  @Get(':provider')
  @RequireScope('client-tokens:read', { checksRestrictions: true })
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'A valid bearer token of the client itself',
    description:
      "By the provider's client-credentials grant (RFC 6749 section 4.4): for what is done for no " +
      'user, such as payment requests. One token for each set of scopes, shared by all who ask.',
  })
  @ApiOkResponse({ type: ClientTokenDto })
  @ApiProblems({
    400: '`invalid_request`: no or a malformed parameter, unknown provider',
    401: '`unauthorized`',
    403:
      '`forbidden`: the client lacks the scope, or is restricted to other providers or to some ' +
      'users; `insufficient_scope`: the provider refuses these scopes to the client',
    404: '`unsupported`: the provider has no tokens for the client itself',
    429: '`rate_limited`: there are too many different sets of scopes',
    503: '`provider_unavailable` or `storage_unavailable`: try again after `Retry-After` seconds',
  })
  async read(
    @Param('provider', ProviderPipe) provider: string,
    @Query() query: ReadClientTokenQuery,
    @Req() request: FastifyRequest,
  ): Promise<ClientTokenDto> {
    const caller = callerOf(request);
    assertMayActForVault(caller, provider);
    this.providers.require(provider);
    const minTtl = query.min_ttl === undefined ? undefined : Number(query.min_ttl);
    const note = (outcome: string) => {
      const told = { type: 'token.read', client: caller.name, provider } as const;
      const nobody = { userId: null, connection: null, version: null };
      this.audit.note({ ...told, ...nobody, outcome }, request.id);
    };
    try {
      const served = await this.reader.read(provider, query.scope.split(/ +/), minTtl);
      note('served');
      return toClientTokenDto(served);
    } catch (error) {
      note(error instanceof VaultError ? error.code : 'internal_error');
      throw error;
    }
  }
}
