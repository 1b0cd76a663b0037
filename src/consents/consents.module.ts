import { Module } from '@nestjs/common';
import { GrantsModule } from '../grants/index.js';
import { ConsentRecorder } from './consent-recorder.js';
import { LateAnswers } from './late-answers.js';

/** What a consent brought reaches the table, whoever waits for it and whatever is down meanwhile. */
@Module({
  imports: [GrantsModule],
  providers: [ConsentRecorder, LateAnswers],
  exports: [ConsentRecorder, LateAnswers],
})
export class ConsentsModule {}
