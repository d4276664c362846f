// Clients of logs and traces of npm against CnosDB's port: `log_clients.js <client> <port>`. The rows are compared by
// log_clients.rs.
const [client, port] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;

async function loki() {
  const pino = require('pino');
  const { pinoLoki } = require('pino-loki');
  for (const endpoint of ['/api/v1/es/_bulk?table=app_logs&log_type=loki', '/loki/api/v1/push']) {
    const stream = pinoLoki({
      host: base, endpoint, basicAuth: { username: 'root', password: '' },
      labels: { application: 'shop' }, propsToLabels: ['unit'], batching: { interval: 1 },
    });
    let time = 1704067200000;
    const logger = pino({ base: { hostname: 'vm' }, timestamp: () => `,"time":${time}` }, stream);
    logger.info({ unit: 'a', n: 1 }, 'one');
    logger.info({ unit: 'a', meta: { trace: 't1' } }, 'two');
    time += 1000;
    logger.error('three');
    const closed = new Promise((resolve) => stream.on('close', resolve));
    stream.end();
    // It sends what it holds before it closes.
    await closed;
  }
}

const TRACE = '5b8aa5a2d2c872e8321cf37308d69df2';
const BEGIN = [1704067200, 0];

async function traces() {
  const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
  const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');
  const { resourceFromAttributes } = require('@opentelemetry/resources');
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api');
  const exporter = new OTLPTraceExporter({
    url: `${base}/api/v1/traces`, compression: 'gzip',
    headers: {
      Authorization: `Basic ${Buffer.from('root:').toString('base64')}`, tenant: 'cnosdb', db: 'public', table: 'spans',
    },
  });
  const ids = ['5fb397be34d26b51', '051581bf3cb55c13'];
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
    idGenerator: { generateTraceId: () => TRACE, generateSpanId: () => ids.pop() },
  });
  const tracer = provider.getTracer('lib', '1.2');
  const first = tracer.startSpan('GET /cart', {
    kind: SpanKind.SERVER, startTime: BEGIN, attributes: { 'http.method': 'GET', n: 3 },
  }, ROOT_CONTEXT);
  first.addEvent('cached', { k: 1 }, [BEGIN[0], 1000]);
  const second = tracer.startSpan('charge', {
    kind: SpanKind.CLIENT, startTime: [BEGIN[0], 250000000], links: [{ context: first.spanContext() }],
  }, trace.setSpan(ROOT_CONTEXT, first));
  second.setStatus({ code: SpanStatusCode.ERROR, message: 'no money' });
  second.end([BEGIN[0], 750000000]);
  first.end([BEGIN[0] + 1, 500000000]);
  await provider.forceFlush();
  await provider.shutdown();
}

({ loki, traces })[client]().then(() => console.log('ok'), (error) => {
  console.error(error);
  process.exit(1);
});
