import { EnvironmentReader } from './environment-reader.js';
import { tracingConfig } from './tracing.config.js';

const read = (environment: Record<string, string>) => {
  const reader = new EnvironmentReader(environment);
  const { collector } = tracingConfig(reader);
  return { collector, problems: reader.problemCount };
};
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

describe('the variables of OpenTelemetry', () => {
  it('turn traces on by an endpoint, and off by their own switches', () => {
    expect(read({}).collector).toBeUndefined();
    expect(read({ OTEL_SERVICE_NAME: 'x' }).collector).toBeUndefined();
    expect(read({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }).collector).toBeUndefined();
    expect(read({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }).collector).toBeUndefined();
    expect(read(ENDPOINT).collector).toEqual({
      ...{ url: 'http://collector:4318/v1/traces', headers: {}, timeoutMs: 10_000 },
      ...{ resource: { 'service.name': 'stitch-token-vault' }, queue: 2048, batch: 512 },
      ...{ delayMs: 5000, sampler: { ratio: 1, followsParent: true } },
    });
  });

  it('for traces go before those for all signals', () => {
    const { collector } = read({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example.com/in',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1,authorization=Basic%20eA==',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=x,deployment.environment=a%2Cb',
      OTEL_SERVICE_NAME: 'vault',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    expect(collector).toMatchObject({
      url: 'https://traces.example.com/in',
      headers: { a: '2', authorization: 'Basic eA==' },
      resource: { 'service.name': 'vault', 'deployment.environment': 'a,b' },
      sampler: { ratio: 0.25, followsParent: true },
    });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no pair'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%0Ac'],
    ['OTEL_TRACES_SAMPLER', 'toString'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
  ])('are refused by name: %s=%s', (name, value) => {
    expect(read({ [name]: value }).problems).toBe(1);
  });
});
