export { ClientTokensModule } from './client-tokens.module.js';
export { CLIENT_TOKEN_TABLE } from './sealed-tables.js';
