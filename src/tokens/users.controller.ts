import { Controller, Delete, Get, HttpCode, Param, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import {
  RequireScope,
  UserIdPipe,
  assertMayTouchEveryProvider,
  assertMayTouchUser,
  callerOf,
  mayTouchGrant,
} from '../common/index.js';
import { UserGrantsStore } from '../grants/index.js';
import { ApiProblems } from '../http/index.js';
import { GrantCache } from './grant-cache.js';
import { UserGrantsDto, toUserGrantDto } from './users.dto.js';

const PROBLEMS = {
  400: '`invalid_request`: malformed id',
  401: '`unauthorized`',
  403: '`forbidden`: the client lacks the scope, or is restricted to other users or providers',
  503: '`storage_unavailable`: try again after `Retry-After` seconds',
};

@ApiTags('users')
@ApiBearerAuth()
@ApiParam({ name: 'user_id', description: '1 to 255 visible characters', example: 'demo-user' })
@Controller('users')
export class UsersController {
  constructor(
    private readonly store: UserGrantsStore,
    private readonly cache: GrantCache,
  ) {}

  @Get(':user_id/grants')
  @RequireScope('tokens:read', { checksRestrictions: true })
  @ApiOperation({
    summary: 'What a user has linked, without any token',
    description:
      'What a product shows its customer. A client that is restricted to some providers gets the ' +
      'grants of these. Links that are not confirmed yet are not among them.',
  })
  @ApiOkResponse({ type: UserGrantsDto })
  @ApiProblems(PROBLEMS)
  async list(
    @Param('user_id', UserIdPipe) userId: string,
    @Req() request: FastifyRequest,
  ): Promise<UserGrantsDto> {
    const caller = callerOf(request);
    assertMayTouchUser(caller, userId);
    const grants = await this.store.list(userId);
    return { items: grants.filter((grant) => mayTouchGrant(caller, grant)).map(toUserGrantDto) };
  }

  @Delete(':user_id')
  @RequireScope('tokens:write', { checksRestrictions: true })
  @HttpCode(204)
  @ApiOperation({
    summary: 'Forget a user',
    description:
      'Every grant of the user is gone at once on every replica, and revoked at its provider in ' +
      'the background; authorization requests that are open end as `failed`, `deleted`.',
  })
  @ApiNoContentResponse()
  @ApiProblems(PROBLEMS)
  async erase(
    @Param('user_id', UserIdPipe) userId: string,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const caller = callerOf(request);
    assertMayTouchEveryProvider(caller, userId);
    const { grants } = await this.store.erase(userId, caller.name);
    for (const key of grants) this.cache.invalidate(key);
  }
}
