import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, pageLimit } from '../common/index.js';
import { ApiProblems } from '../http/index.js';
import { EventLogStore } from './event-log.store.js';
import { EventPageDto, ListEventsQuery, toEventPage, toPlace, unknownPlace } from './events.dto.js';

@ApiTags('events')
@ApiBearerAuth()
@Controller('events')
export class EventsController {
  constructor(private readonly events: EventLogStore) {}

  @Get()
  @RequireScope('admin')
  @ApiOperation({
    summary: 'What happened to grants, oldest first',
    description: 'The same events that are sent to `WEBHOOK_URL`, kept for 30 days.',
  })
  @ApiOkResponse({ type: EventPageDto })
  @ApiProblems({
    400: '`invalid_request`, see `errors`',
    401: '`unauthorized`',
    403: '`forbidden`: the key is not `admin`',
    503: '`storage_unavailable`: try again after `Retry-After` seconds',
  })
  async list(@Query() query: ListEventsQuery): Promise<EventPageDto> {
    const events = await this.events.page(toPlace(query.after), pageLimit(query));
    if (!events) throw unknownPlace();
    return toEventPage(events, query.after);
  }
}
