export { Draining } from './draining.js';
export { answerBrokenRequests, fastifyAdapter } from './fastify.js';
export { acceptJsonBodies } from './json-body.js';
export { ProblemFilter, problemDocument, toVaultError } from './problem.filter.js';
export { validationPipe } from './validation.js';
export { ApiProblems, ProblemDto } from './problem.dto.js';
export { RequestLog } from './request-log.js';
export { describeApi, serveApiDescription } from './openapi.js';
