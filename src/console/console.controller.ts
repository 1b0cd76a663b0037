import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Open } from '../common/index.js';

const asset = (name: string) => readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8');
const library = createRequire(import.meta.url);
const charts = (name: string) => readFileSync(library.resolve(`uplot/dist/${name}`), 'utf8');

/** Read once: the page and all that it loads, a hundred kilobytes together. */
const PAGE = asset('index.html');
const SCRIPT = asset('app.js');
const STYLE = asset('app.css');
const CHARTS = charts('uPlot.iife.min.js');
const CHARTS_STYLE = charts('uPlot.min.css');

/**
 * Nothing but the page's own files may load or run, and nobody may frame it or be told its URL.
 * Nothing is cached: after an upgrade the page is that of the vault.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The operators' page. It holds no data: that needs a key with the scope `admin`. */
@ApiExcludeController()
@Controller('console')
export class ConsoleController {
  @Get()
  @Open()
  page(@Res() reply: FastifyReply): void {
    send(reply, 'text/html', PAGE);
  }

  @Get('app.js')
  @Open()
  script(@Res() reply: FastifyReply): void {
    send(reply, 'text/javascript', SCRIPT);
  }

  @Get('app.css')
  @Open()
  style(@Res() reply: FastifyReply): void {
    send(reply, 'text/css', STYLE);
  }

  @Get('uplot.js')
  @Open()
  charts(@Res() reply: FastifyReply): void {
    send(reply, 'text/javascript', CHARTS);
  }

  @Get('uplot.css')
  @Open()
  chartsStyle(@Res() reply: FastifyReply): void {
    send(reply, 'text/css', CHARTS_STYLE);
  }
}

function send(reply: FastifyReply, type: string, content: string): void {
  void reply.headers({ ...HEADERS, 'content-type': `${type}; charset=utf-8` }).send(content);
}
