export { ConsentRecorder } from './consent-recorder.js';
export { ConsentedRequests } from './consented-requests.js';
export { ConsentsModule } from './consents.module.js';
export { LateAnswers } from './late-answers.js';
export type { WaitingCaller } from './late-answers.js';
