import { Body, Controller, Header, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { RequireScope, assertMayTouchGrant, callerOf } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import {
  AccountDto,
  CreateAccountDto,
  CreateSessionDto,
  DEFAULT_REGION,
  SessionDto,
} from './stitch-connect.dto.js';
import { StitchConnectService } from './stitch-connect.service.js';

/** Seconds an ephemeral token lives (seed document S2). */
const SESSION_LIFETIME_SECONDS = 3600;

/** The one provider that has these routes. */
const PROVIDER = 'stitch-connect';

const PROBLEMS = {
  400: '`invalid_request`, see `errors`',
  401: '`unauthorized`',
  403: '`forbidden`: the client lacks the scope, or is restricted to other users or providers',
  503: '`provider_unavailable` or `storage_unavailable`: try again after `Retry-After` seconds',
};

@ApiTags('stitch-connect')
@ApiBearerAuth()
@Controller('stitch-connect')
export class StitchConnectController {
  constructor(private readonly service: StitchConnectService) {}

  @Post('accounts')
  @RequireScope('authorizations:write', { checksRestrictions: true })
  @ApiOperation({ summary: 'Create a client account and store its permanent token' })
  @ApiCreatedResponse({ type: AccountDto })
  @ApiProblems({
    ...PROBLEMS,
    409: '`account_exists`: link it by consent instead',
    502:
      '`partner_credentials_refused`: ours; `provider_refused`: for a reason unknown, nothing was ' +
      'created; `outcome_unknown`: the account may exist',
  })
  async createAccount(
    @Body() body: CreateAccountDto,
    @Req() request: FastifyRequest,
  ): Promise<AccountDto> {
    assertMayTouchGrant(callerOf(request), { provider: PROVIDER, userId: body.user_id });
    const id = await this.service.createAccount(body.user_id, {
      firstName: body.first_name,
      lastName: body.last_name,
      company: body.company,
      email: body.email,
      region: body.region ?? DEFAULT_REGION,
    });
    return { stitch_account_id: id };
  }

  @Post('sessions')
  @RequireScope('sessions:write', { checksRestrictions: true })
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'A token that logs the user into the web application once' })
  @ApiCreatedResponse({ type: SessionDto })
  @ApiProblems({
    ...PROBLEMS,
    404: '`token_not_found`',
    409: '`reauthorization_required`: the API refuses the stored token, see `reason`',
    502: '`provider_refused`: for a reason unknown; asking again would end the same way',
  })
  async createSession(
    @Body() { user_id }: CreateSessionDto,
    @Req() request: FastifyRequest,
  ): Promise<SessionDto> {
    assertMayTouchGrant(callerOf(request), { provider: PROVIDER, userId: user_id });
    return {
      ephemeral_token: await this.service.createSession(user_id),
      expires_in: SESSION_LIFETIME_SECONDS,
    };
  }
}
