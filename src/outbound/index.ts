export { OutboundDispatcher } from './outbound-dispatcher.js';
export { parseRetryAfter } from './retry-after.js';
