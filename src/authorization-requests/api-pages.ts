import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';

const text = (description: string) => ({ description, schema: { type: 'string' } }) as const;

/** Documents the pages that a route of the public listener answers with: status → what it means. */
export const ApiPages = (pages: Readonly<Record<number, string>>) =>
  applyDecorators(
    ...Object.entries(pages).map(([status, description]) =>
      ApiResponse({
        status: Number(status),
        description,
        content: { 'text/html': { schema: { type: 'string' } } },
      }),
    ),
  );

/** Documents a redirect: where to, and what its cookie is for. */
export const ApiRedirect = (to: string, cookie: string) =>
  ApiResponse({
    status: 303,
    description: to,
    headers: { location: text('Where the browser goes on.'), 'set-cookie': text(cookie) },
  });
