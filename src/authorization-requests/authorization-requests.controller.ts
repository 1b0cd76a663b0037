import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { DEFAULT_CONNECTION, DEFAULT_PROVIDER, RequireScope, callerOf } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import {
  AuthorizationRequestCreatedDto,
  AuthorizationRequestDto,
  AuthorizationRequestListDto,
  ConfirmDto,
  CreateAuthorizationRequestDto,
  RequestPath,
  RequestsQuery,
  prefillOf,
  toRequestDto,
} from './authorization-requests.dto.js';
import { ConfirmationService } from './confirmation.service.js';
import { LinkService } from './link.service.js';

const COMMON_PROBLEMS = {
  400: '`invalid_request`, see `errors`',
  401: '`unauthorized`',
  403: '`forbidden`: the client lacks the scope, or is restricted to other users or providers',
  503: '`storage_unavailable`: try again after `Retry-After` seconds',
};

@ApiTags('authorization requests')
@ApiBearerAuth()
@Controller('authorization-requests')
export class AuthorizationRequestsController {
  constructor(
    private readonly links: LinkService,
    private readonly confirmations: ConfirmationService,
  ) {}

  @Post()
  @RequireScope('authorizations:write', { checksRestrictions: true })
  @ApiOperation({ summary: 'Begin to link a user: get the URL to send their browser to' })
  @ApiCreatedResponse({ type: AuthorizationRequestCreatedDto })
  @ApiProblems({
    ...COMMON_PROBLEMS,
    415: '`unsupported_media_type`: send JSON',
    502: '`provider_misconfigured`: somebody has to act, see `reason`',
    503:
      '`storage_unavailable`, or `provider_unavailable` while the metadata of the provider can’t be ' +
      'had: try again after `Retry-After` seconds',
  })
  async create(
    @Body() body: CreateAuthorizationRequestDto,
    @Req() request: FastifyRequest,
  ): Promise<AuthorizationRequestCreatedDto> {
    const begun = await this.links.begin(callerOf(request), {
      userId: body.user_id,
      provider: body.provider ?? DEFAULT_PROVIDER,
      connection: body.connection ?? DEFAULT_CONNECTION,
      scopes: body.scopes,
      returnTo: body.return_to,
      confirm: body.confirm ?? false,
      prefill: prefillOf(body),
    });
    return {
      id: begun.id,
      authorization_url: begun.authorizationUrl,
      expires_at: begun.expiresAt.toISOString(),
    };
  }

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    summary: "How a user's links fare, newest first",
    description: 'The latest 100 that are kept: for a day after they expired.',
  })
  @ApiOkResponse({ type: AuthorizationRequestListDto })
  @ApiProblems(COMMON_PROBLEMS)
  async list(@Query() { user_id }: RequestsQuery): Promise<AuthorizationRequestListDto> {
    return { items: (await this.links.statusOfUser(user_id)).map(toRequestDto) };
  }

  @Get(':id')
  @RequireScope('authorizations:write', { checksRestrictions: true })
  @ApiOperation({ summary: 'How an authorization request fares' })
  @ApiOkResponse({ type: AuthorizationRequestDto })
  @ApiProblems({
    ...COMMON_PROBLEMS,
    404: '`not_found`: no such request, or one that another client made',
  })
  async read(
    @Param() { id }: RequestPath,
    @Req() request: FastifyRequest,
  ): Promise<AuthorizationRequestDto> {
    return toRequestDto(await this.links.status(callerOf(request), id));
  }

  @Post(':id/confirm')
  @RequireScope('authorizations:write', { checksRestrictions: true })
  @HttpCode(200)
  @ApiOperation({
    summary: 'Confirm that the user who consented is the user who asked',
    description:
      'Only for requests made with `confirm`, within an hour of the consent. A grant of that name ' +
      'stays in use until then and is replaced; a different `user_id` discards the new one alone.',
  })
  @ApiOkResponse({ type: AuthorizationRequestDto })
  @ApiProblems({
    ...COMMON_PROBLEMS,
    404: '`not_found`: no such request, or one that another client made',
    409:
      '`user_mismatch`: the new grant was discarded; `not_awaiting_confirmation`: not consented ' +
      'to, settled, replaced by a later consent, deleted, or too late',
  })
  async confirm(
    @Param() { id }: RequestPath,
    @Body() { user_id }: ConfirmDto,
    @Req() request: FastifyRequest,
  ): Promise<AuthorizationRequestDto> {
    const caller = callerOf(request);
    await this.confirmations.confirm(caller, id, user_id);
    return toRequestDto(await this.links.status(caller, id));
  }
}
