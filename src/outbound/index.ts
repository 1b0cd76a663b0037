export { OutboundDispatcher } from './outbound-dispatcher.js';
export type { OutboundOptions } from './outbound-dispatcher.js';
