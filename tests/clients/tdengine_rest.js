// npm `@tdengine/rest` 3.0 unchanged: its default path ends in a slash, so each request is redirected once.
const assert = require("node:assert");
const { options, connect } = require("@tdengine/rest");

async function main() {
  Object.assign(options, { host: "127.0.0.1", port: Number(process.argv[2]) });
  assert.strictEqual(options.path, "/rest/sql/");
  const cursor = connect(options).cursor();
  const done = async (sql, affected) => {
    const result = await cursor.query(sql);
    assert.strictEqual(result.getErrCode(), 0, `${sql}: ${result.getErrStr()}`);
    assert.strictEqual(result.getAffectRows(), affected, sql);
    return result;
  };
  await done("create database if not exists js keep 3650", 0);
  await done("create table if not exists js.t (ts timestamp, big bigint, f float, ok bool, note nchar(10))", 0);
  await done(
    "insert into js.t values (1626861392589, 9007199254740991, 10.123, true, '涛思')" +
      " (1626861392590, null, 0.0000001, false, null)", 2);
  const rows = await done("select * from js.t order by ts", 2);
  assert.deepStrictEqual(rows.getData(), [
    ["2021-07-21T09:56:32.589Z", 9007199254740991, 10.123, true, "涛思"],
    ["2021-07-21T09:56:32.590Z", null, 1e-7, false, null],
  ]);
  assert.deepStrictEqual(rows.getMeta(), [
    { columnName: "ts", typeName: "TIMESTAMP", size: 8 },
    { columnName: "big", typeName: "BIGINT", size: 8 },
    { columnName: "f", typeName: "FLOAT", size: 4 },
    { columnName: "ok", typeName: "BOOL", size: 1 },
    { columnName: "note", typeName: "NCHAR", size: 10 },
  ]);
  await done("alter table js.t add column more nchar(40)", 0);
  const failed = await cursor.query("select * from js.nope");
  assert.strictEqual(failed.getErrCode(), 0x2603);
  assert.ok(failed.getErrStr());
  await done("drop database if exists js", 0);
  const wrong = connect({ ...options, passwd: "wrong" }).cursor();
  await assert.rejects(wrong.query("show databases"), /Authentication failed/);
  console.log("ok");
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
