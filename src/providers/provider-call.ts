import type { Dispatcher } from 'undici';

export type AnswerHeaders = Dispatcher.ResponseData['headers'];

/** An answer with its body read to the end. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** Milliseconds without another byte after which it is looked whether all that matters has come. */
const QUIET_MS = 1000;

/**
 * One call under way, as undici's dispatcher tells of it. In the place of undici's own `request`,
 * whose stream and abort signal cost more than the call itself where a body is always read to its
 * end: see decision 0035.
 */
export class ProviderCall implements Dispatcher.DispatchHandler {
  /** Whether writing the request to a connection began: until then nothing can have been spent. */
  sent = false;
  /** Rejects with what undici says, or with a `TimeoutError`. */
  readonly answer: Promise<WholeAnswer>;
  private readonly parts: Buffer[] = [];
  private readonly deadline: NodeJS.Timeout;
  private quiet: NodeJS.Timeout | undefined;
  private status = 0;
  private headers: AnswerHeaders = {};
  private controller: Dispatcher.DispatchController | undefined;
  private late: Error | undefined;
  private resolve: (answer: WholeAnswer) => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  /** What has come of an answer so far; undefined before its headers are there. */
  get arrived(): WholeAnswer | undefined {
    const { status, headers, parts } = this;
    return status === 0 ? undefined : { status, headers, body: Buffer.concat(parts) };
  }

  /**
   * @param deadlineMs milliseconds for the whole call, waiting for a connection and body included
   * @param isEnough whether an answer is good although its end has not come: then it is not waited for
   */
  constructor(
    deadlineMs: number,
    private readonly isEnough: (arrived: WholeAnswer) => boolean,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A call that could not even be dispatched is awaited by nobody, and ends all the same.
    this.answer.catch(() => undefined);
    this.deadline = setTimeout(() => {
      this.giveUp();
    }, deadlineMs).unref();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Nobody waits any more: undici writes nothing of a request that is aborted here.
    if (this.late) controller.abort(this.late);
    else this.sent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: AnswerHeaders,
  ): void {
    // An interim answer (RFC 9110 section 15.2: 102, 103, as CDNs send them) is followed by another.
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    this.parts.push(part);
    if (this.quiet) this.quiet.refresh();
    else
      this.quiet = setTimeout(() => {
        this.onQuiet();
      }, QUIET_MS).unref();
  }

  onResponseEnd(): void {
    this.clearTimers();
    const { status, headers, parts } = this;
    this.resolve({ status, headers, body: Buffer.concat(parts) });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.clearTimers();
    this.reject(error);
  }

  private onQuiet(): void {
    if (this.arrived && this.isEnough(this.arrived)) this.giveUp();
  }

  private clearTimers(): void {
    clearTimeout(this.deadline);
    clearTimeout(this.quiet);
  }

  private giveUp(): void {
    this.late = new DOMException('no answer in time', 'TimeoutError');
    this.controller?.abort(this.late);
    this.reject(this.late);
  }
}
