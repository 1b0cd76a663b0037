import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { TokenReader } from './token-reader.service.js';
import { ReadTokenQuery, TokenDto, UserPath, toGrantKey, toTokenDto } from './tokens.dto.js';

@ApiTags('tokens')
@ApiBearerAuth()
@Controller('tokens')
export class TokensController {
  constructor(
    private readonly reader: TokenReader,
    private readonly providers: ProviderRegistry,
  ) {}

  @Get(':user_id')
  @RequireScope('tokens:read')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'A valid bearer token for a user',
    description:
      'Served from memory while it is good, refreshed when it is not. Never a refresh token.',
  })
  @ApiOkResponse({ type: TokenDto })
  @ApiProblems({
    400: '`invalid_request`: malformed id or parameter, unknown provider',
    401: '`unauthorized`',
    403: '`forbidden`: the key lacks the scope; `insufficient_scope`: the grant does, see `missing_scopes`',
    404: '`token_not_found`: no such grant, or one still awaiting confirmation',
    409: '`reauthorization_required`: the user must consent again, see `reason`',
    503: '`provider_unavailable` or `storage_unavailable`: try again after `Retry-After` seconds',
  })
  async read(@Param() { user_id }: UserPath, @Query() query: ReadTokenQuery): Promise<TokenDto> {
    const key = toGrantKey(user_id, query);
    this.providers.require(key.provider);
    const served = await this.reader.read(key, {
      minTtl: query.min_ttl === undefined ? undefined : Number(query.min_ttl),
      scopes: query.scope?.split(/ +/) ?? [],
    });
    return toTokenDto(served);
  }
}
