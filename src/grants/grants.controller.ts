import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, pageLimit } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { GrantStore } from './grant.store.js';
import { GrantPageDto, ListGrantsQuery, fromCursor, toCursor, toGrantDto } from './grants.dto.js';

@ApiTags('grants')
@ApiBearerAuth()
@Controller('grants')
export class GrantsController {
  constructor(
    private readonly store: GrantStore,
    private readonly providers: ProviderRegistry,
  ) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({ summary: 'List grants, page by page, without any token' })
  @ApiOkResponse({ type: GrantPageDto })
  @ApiProblems({
    400: '`invalid_request`, see `errors`; also a provider that is not configured',
    401: '`unauthorized`',
    403: '`forbidden`: the key is not `admin`',
    503: '`storage_unavailable`: try again after `Retry-After` seconds',
  })
  async list(@Query() query: ListGrantsQuery): Promise<GrantPageDto> {
    if (query.provider !== undefined) this.providers.require(query.provider);
    const limit = pageLimit(query);
    const filter = { provider: query.provider, status: query.status, userId: query.user_id };
    // One more than asked for tells whether there is a next page.
    const grants = await this.store.list(filter, fromCursor(query.cursor), limit + 1);
    const items = grants.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(toGrantDto),
      next_cursor: grants.length > limit && last ? toCursor(last) : null,
    };
  }
}
