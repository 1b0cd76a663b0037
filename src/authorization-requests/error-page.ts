import type { ErrorRenderer } from '../http/index.js';
import { PAGE_HEADERS } from './pages.js';
import type { Pages } from './pages.js';

/** Answers an error with a plain page that says no more than it must: how the public listener does. */
export const errorPage =
  (pages: Pages): ErrorRenderer =>
  ({ status }) => ({ headers: PAGE_HEADERS, body: pages.error(status) });
