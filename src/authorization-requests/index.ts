export { AuthorizationRequest } from './authorization-request.entity.js';
export { AuthorizationRequestsModule } from './authorization-requests.module.js';
export { BrowserCookie } from './browser-cookie.js';
export { CallbackService } from './callback.service.js';
export { LinkKeeper } from './link-keeper.js';
export { PageFilter, sendErrorPage } from './page.filter.js';
export { Pages } from './pages.js';
export { PublicModule } from './public.module.js';
export { StartService } from './start.service.js';
