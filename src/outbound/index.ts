export { OutboundDispatcher } from './outbound-dispatcher.js';
