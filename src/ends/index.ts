export { EndsModule } from './ends.module.js';
export { CredentialEnds } from './credential-ends.js';
export { GrantEnds } from './grant-ends.js';
