import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, pageLimit } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import { AuditPageDto, ListAuditQuery, positionOf, toAuditPage } from './audit.dto.js';
import { AuditStore } from './audit.store.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('audit')
export class AuditController {
  constructor(private readonly store: AuditStore) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    summary: 'Who did what, oldest first',
    description:
      'Reads of tokens are summed by client, grant, version and outcome, about once a second. ' +
      'Kept for `AUDIT_RETENTION_DAYS`.',
  })
  @ApiOkResponse({ type: AuditPageDto })
  @ApiProblems({
    400: '`invalid_request`, see `errors`',
    401: '`unauthorized`',
    403: '`forbidden`: the client is not `admin`',
    503: '`storage_unavailable`: try again after `Retry-After` seconds',
  })
  async list(@Query() query: ListAuditQuery): Promise<AuditPageDto> {
    const { user_id: userId, client, provider, type, after } = query;
    const filter = { userId, client, provider, type };
    const rows = await this.store.page(filter, positionOf(after), pageLimit(query));
    return toAuditPage(rows, after);
  }
}
