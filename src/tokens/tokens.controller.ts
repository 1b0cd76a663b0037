import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AuditLog } from '../audit/index.js';
import type { Countable } from '../audit/index.js';
import {
  RequireScope,
  UserIdPipe,
  VaultError,
  assertMayTouchGrant,
  callerOf,
} from '../common/index.js';
import type { GrantKey } from '../grants/index.js';
import { ApiProblems } from '../http/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { RejectionCeiling } from './rejection-ceiling.js';
import type { ServedToken } from './token-opener.js';
import { TokenReader } from './token-reader.service.js';
import {
  GrantQuery,
  ReadTokenQuery,
  RejectionDto,
  TokenDto,
  toGrantKey,
  toTokenDto,
} from './tokens.dto.js';
import { WarmReads } from './warm-reads.js';

const WRITE_PROBLEMS = {
  400: '`invalid_request`: malformed id or parameter, unknown provider',
  401: '`unauthorized`',
  403: '`forbidden`: the client lacks the scope, or is restricted to other users or providers',
  503: '`storage_unavailable`: try again after `Retry-After` seconds',
};

const PROBLEMS = {
  ...WRITE_PROBLEMS,
  404: '`token_not_found`: no such grant, or one still awaiting confirmation',
  409: '`reauthorization_required`: the user must consent again, see `reason`',
  503: '`provider_unavailable` or `storage_unavailable`: try again after `Retry-After` seconds',
};

@ApiTags('tokens')
@ApiBearerAuth()
@ApiParam({ name: 'user_id', description: '1 to 255 visible characters', example: 'demo-user' })
@Controller('tokens')
export class TokensController {
  constructor(
    private readonly reader: TokenReader,
    private readonly providers: ProviderRegistry,
    private readonly audit: AuditLog,
    private readonly rejections: RejectionCeiling,
    private readonly warm: WarmReads,
  ) {}

  @Get(':user_id')
  @RequireScope('tokens:read', { checksRestrictions: true, answersFromMemory: true })
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'A valid bearer token for a user',
    description:
      'Served from memory while it is good, refreshed when it is not. Never a refresh token.',
  })
  @ApiOkResponse({ type: TokenDto })
  @ApiProblems({
    ...PROBLEMS,
    403:
      '`forbidden`: the client lacks the scope, or is restricted to other users or providers; ' +
      '`insufficient_scope`: the grant lacks `missing_scopes`',
  })
  async read(
    @Param('user_id', UserIdPipe) userId: string,
    @Query() query: ReadTokenQuery,
    @Req() request: FastifyRequest,
  ): Promise<TokenDto> {
    const key = toGrantKey(userId, query);
    const caller = callerOf(request);
    assertMayTouchGrant(caller, key);
    this.providers.require(key.provider);
    const wanted = {
      minTtl: query.min_ttl === undefined ? undefined : Number(query.min_ttl),
      scopes: query.scope?.split(/ +/) ?? [],
    };
    this.warm.remember(request, { ...key, ...wanted });
    const told = { type: 'token.read', client: caller.name, ...key } as const;
    const served = await this.audited(told, request, null, this.reader.read(key, wanted));
    return toTokenDto(served);
  }

  @Post(':user_id/rejections')
  @RequireScope('tokens:reject', { checksRestrictions: true })
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Report that the API answered 401 to a token',
    description:
      'The token of this version is replaced once, however many callers report it; an old version ' +
      'changes nothing. Either way the answer is the current token.',
  })
  @ApiOkResponse({ type: TokenDto })
  @ApiProblems({
    ...PROBLEMS,
    409: '`reauthorization_required`: `grant_revoked`, or `suspended` when it cannot be refreshed',
    429: '`rate_limited`: this client has had this token replaced 20 times within a minute',
  })
  async reject(
    @Param('user_id', UserIdPipe) userId: string,
    @Body() body: RejectionDto,
    @Req() request: FastifyRequest,
  ): Promise<TokenDto> {
    const key = toGrantKey(userId, body);
    const caller = callerOf(request);
    assertMayTouchGrant(caller, key);
    this.providers.require(key.provider);
    const told = { type: 'token.rejected', client: caller.name, ...key } as const;
    const answer = this.rejectWithin(caller.id, key, body.version);
    return toTokenDto(await this.audited(told, request, body.version, answer));
  }

  @Delete(':user_id')
  @RequireScope('tokens:write', { checksRestrictions: true })
  @HttpCode(204)
  @ApiOperation({
    summary: 'Forget a grant',
    description: 'Gone at once on every replica; revoked at the provider in the background.',
  })
  @ApiNoContentResponse()
  @ApiProblems(WRITE_PROBLEMS)
  async delete(
    @Param('user_id', UserIdPipe) userId: string,
    @Query() query: GrantQuery,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const key = toGrantKey(userId, query);
    const caller = callerOf(request);
    assertMayTouchGrant(caller, key);
    this.providers.require(key.provider);
    await this.reader.delete(key, caller.name);
  }

  /** @param version what the caller named; else that of the token that it got */
  private async audited(
    told: Pick<Countable, 'type' | 'client' | 'provider' | 'userId' | 'connection'>,
    { id }: FastifyRequest,
    version: number | null,
    answer: Promise<ServedToken>,
  ): Promise<ServedToken> {
    try {
      const served = await answer;
      const got = { version: version ?? served.grant.version, outcome: 'served' };
      this.audit.note({ ...told, ...got }, id);
      return served;
    } catch (error) {
      const outcome = error instanceof VaultError ? error.code : 'internal_error';
      this.audit.note({ ...told, version, outcome }, id);
      throw error;
    }
  }

  private async rejectWithin(
    clientId: string,
    key: GrantKey,
    version: number,
  ): Promise<ServedToken> {
    this.rejections.assert(clientId, key, version);
    return this.reader.reject(key, version);
  }
}
