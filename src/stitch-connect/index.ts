export { StitchConnectModule } from './stitch-connect.module.js';
