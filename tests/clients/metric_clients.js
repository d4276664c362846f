// npm's client libraries of metrics: `node metric_clients.js TDENGINE_PORT CNOSDB_PORT`. What they sent is read back by the caller.
const assert = require("assert");
const { InfluxDB, FieldType } = require("influx");
const { pushTimeseries } = require("prometheus-remote-write");

const [taos, cnosdb] = process.argv.slice(2).map(Number);
const BEGIN = 1704067200000;

async function influx(port, path, password, measurement) {
  const schema = [{
    measurement,
    fields: { load: FieldType.FLOAT, cores: FieldType.INTEGER, on: FieldType.BOOLEAN, note: FieldType.STRING },
    tags: ["host"],
  }];
  const client = new InfluxDB({
    database: "public", username: "root", password, schema, hosts: [{ host: "127.0.0.1", port, path }],
  });
  const point = (n) => ({
    measurement, tags: { host: `h ${n}` }, timestamp: new Date(BEGIN + n),
    fields: { load: n + 0.25, cores: n, on: n % 2 === 0, note: 'say "hi", é' },
  });
  await client.writePoints([point(0), point(1)]);
  await client.writePoints([point(2)], { precision: "ms" });
}

async function remoteWrite(port, path, password) {
  const answer = await pushTimeseries(
    { labels: { __name__: "pushed_total", job: "js" }, samples: [{ value: 1.5, timestamp: BEGIN }, { value: 2, timestamp: BEGIN + 1 }] },
    {
      url: `http://127.0.0.1:${port}${path}`, fetch,
      headers: { Authorization: "Basic " + Buffer.from(`root:${password}`).toString("base64") },
    },
  );
  assert.ok(answer.status === 200 || answer.status === 202, JSON.stringify(answer));
}

(async () => {
  await influx(taos, "/influxdb/v1", "taosdata", "flux_taos");
  await influx(cnosdb, "/api/v1", "", "flux_cnosdb");
  await remoteWrite(taos, "/prometheus/v1/remote_write/public", "taosdata");
  await remoteWrite(cnosdb, "/api/v1/prom/write?db=public", "");
  console.log("ok");
})().catch((error) => { console.error(error); process.exit(1); });
