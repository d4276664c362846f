// Writes reference.json: what the reference implementation (npm jsonata) makes of the expressions below.
//   npm install jsonata@2.0.6 && node generate_reference.mjs > reference.json
import jsonata from 'jsonata';

const orders = {
  account: { name: 'Firefly', orders: [
    { id: 'o1', day: '2024-01-02', products: [
      { sku: 'a', price: 34.45, quantity: 2, about: { colour: 'Purple', weight: 0.75 } },
      { sku: 'b', price: 21.67, quantity: 1, about: { colour: 'Orange', weight: 0.6 } } ] },
    { id: 'o2', day: '2024-01-01', products: [
      { sku: 'a', price: 34.45, quantity: 4, about: { colour: 'Purple', weight: 0.75 } },
      { sku: 'c', price: 107.99, quantity: 1, about: { colour: 'Black', weight: 2 } } ] } ] },
  empty: [], one: [1], nested: [[1, 2], [3]], nothing: null, flag: true, text: 'Hello, World', n: -2.5,
};
const groups = {
  time: '2025-11-04 09:24:13.123',
  'Los Angeles': {
    group_1: { d_001: { current: 10.5, voltage: 220, phase: 30 }, d_002: { current: 15.2, voltage: 230, phase: 45 } },
    group_2: { d_003: { current: 8.7, voltage: 220, phase: 60 } } },
  'New York': { group_7: { d_004: { current: 12.1, voltage: 225, phase: 15 } } },
};
const manual = `$sort(($ts := time; $each($, function($value, $key) { $key = "time" ? [] : (
  $each($value, function($groupValue, $groupKey) { $each($groupValue, function($deviceValue, $deviceKey) { {
    "db": "power", "time": $ts, "location": $key, "groupid": $number($split($groupKey, "_")[1]), "stb": "meters",
    "table": $deviceKey, "current": $deviceValue.current, "voltage": $deviceValue.voltage, "phase": $deviceValue.phase } })[] })[]
) })).[*][*], function($l, $r) { $l.table > $r.table })`;

const cases = [
  [orders, [
    'account.name', 'account.orders.id', 'account.orders[0].id', 'account.orders[-1].id', 'account.orders.products.sku',
    'account.orders.products[0].sku', '(account.orders.products)[0].sku', 'account.orders[id="o2"].products.price',
    'account.orders.products[price > 30 and quantity > 1].sku', 'account.orders.products[about.colour in ["Black","Orange"]].sku',
    '$sum(account.orders.products.(price * quantity))', 'account.orders.{"id": id, "n": $count(products)}',
    'account.orders.products{sku: $sum(quantity)}', 'account.orders.products{sku: price[]}', 'account.orders^(day).id', 'account.orders^(>day).id',
    'account.orders.products^(>price, sku).sku', 'account.orders.products^(quantity, >about.weight).sku', 'account.*', 'account.orders.*.sku', '**.colour',
    'account.orders.[id, day]', 'account.orders.products.[sku]', '[account.orders.id]', '[[1,2],3]', '[account.orders[0].products.sku, "z"]',
    'missing', 'missing.more', 'account.missing[0]', 'missing + 1', 'missing & "x"', 'nothing', 'nothing.a', 'empty', 'one', 'one[]', 'one[0]', 'nested', 'nested[0]', 'nested.$', 'nested[0][1]',
    'text & "!"', 'text ~> $uppercase', 'text ~> $substringBefore(",") ~> $lowercase()', 'text.$length()', '$length("a\\u00e9\\ud83d\\ude00")',
    'flag ? "yes" : "no"', 'missing ? "yes"', 'n > 0 ? 1 : n < -2 ? 2 : 3', '-n', '1 + 2 * 3 - 4 / 8 % 3', '7 % 3', '"a" < "b"', '1 = 1.0', '"1" = 1', '{"a":[1]} = {"a":[1]}', '2 != 3', 'missing = missing',
    '[1..5]', '[3..1]', '[1..3, 7..8]', '[1..4][$ % 2 = 0]', '[1..10][[1..3,7]]', '($x := 5; $y := $x * 2; $y + 1)', '($f := function($a, $b) { $a * $b }; $f(3, 4))',
    '($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(10))', '($add := function($a) { function($b) { $a + $b } }; $add(1)(2))', '($half := $power(?, 0.5); $half(16))',
    '($g := $trim ~> $uppercase; $g("  a  b "))', '[1,2,3] ~> $map(function($v, $i, $a) { $v * $i + $count($a) })', '$filter([1..6], function($v) { $v > 3 })', '$reduce([1..5], function($a, $b) { $a * $b })', '$reduce(["a","b"], function($a, $b, $i) { $a & $i & $b }, "-")',
    '$single([1,2,3], function($v) { $v = 2 })', '$each(account.orders[0], function($v, $k) { $k })', '$sift(account.orders[0], function($v, $k) { $k != "products" })', '$keys(account.orders)', '$lookup(account, "name")', '$merge([{"a":1},{"b":2},{"a":3}])', '$spread({"a":1,"b":2})',
    '$append([1],2)', '$reverse([1,2,3])', '$distinct([1,2,1,"a","a"])', '$zip([1,2,3],["a","b"])', '$sort([3,1,2])', '$sort(["b","a"])', '$sort(account.orders.products, function($l,$r) { $l.price > $r.price }).sku', '$count(missing)', '$count([1,2])', '$exists(missing)', '$exists(nothing)', '$type([])', '$type(nothing)', '$type($sum)',
    '$max([1,5,3])', '$min([1,5,3])', '$average([1,2])', '$sum([])', '$max([])', '$abs(-2)', '$floor(-2.5)', '$ceil(2.1)', '$round(2.5)', '$round(3.5)', '$round(4.525, 2)', '$round(125, -1)', '$sqrt(16)', '$power(2, 10)', '$formatBase(255, 16)', '$number("12.5")', '$number("0x1F")', '$number(true)',
    '$string(12)', '$string(0.1 + 0.2)', '$string({"a":[1,"b"]})', '$string(1/3)', '$substring("hello", 1, 3)', '$substring("hello", -3)', '$substring("hello", -3, 2)', '$substringAfter("a-b-c", "-")', '$pad("x", 5)', '$pad("x", -5, "#$")', '$trim(" a \\n b ")', '$contains("abracadabra", "bra")', '$contains("abracadabra", /a.*a/)', '$contains("ABRA", /b/i)',
    '$split("a,b,c", ",")', '$split("a,b,c", ",", 2)', '$split("a1b22c", /[0-9]+/)', '$split("abc", "")', '$join(["a","b"], "-")', '$match("ababbabbcc", /a(b+)/)', '$match("ababb", /a(b+)/, 1)', '$replace("John Smith", /(\\w+)\\s(\\w+)/, "$2, $1")', '$replace("a.b.c", ".", "-", 1)', '$replace("265USD", /([0-9]+)USD/, "$$$1")', '$replace("temperature = 68F", /(-?\\d+(?:\\.\\d*)?)F\\b/, function($m) { $round(($number($m.groups[0]) - 32) * 5/9) & "C" })',
    '$base64encode("hello:world")', '$base64decode("aGVsbG86d29ybGQ=")', '$encodeUrlComponent("a b?ü")', '$decodeUrlComponent("a%20b%3F%C3%BC")', '$toMillis("2017-11-07T15:07:54.972Z")', '$toMillis("2017-11-07")', '$fromMillis(1510067557121)', '$boolean([0])', '$boolean([0,1])', '$boolean({})', '$not(false)', '"a" in ["a","b"]', '1 in 1', 'account.orders.products.sku[0]', 'account.(orders.products.sku)[0]', 'account.orders.products.$uppercase(sku)',
    '`account`.name', '"account".name', 'account.orders.products.about[weight >= 0.75].colour', '$.account.name', '$$.account.name', 'account.orders.products.($$.text)[0]', '{"a": missing, "b": null}', '{}', '[]', '/* a comment */ 1', 'account.orders[].id', 'account.orders[0].products[0].sku[]', 'account.name[]', '(1; 2; 3)', '()', '"\\u0041\\n\\"" & \'it"s\'', 'true and false or true', 'and', 'null = nothing', '$string(true)', '[1,[2,[3]]].$', '[[1,2],[3]].[$]', '1e3 + 1.5E-2', '100000000000000000000 + 0', '1e21 * 10', '0.000001 / 10',
    'function($x)<n:n>{$x}(1)', '$map(["a"], $uppercase)', '$map(missing, $string)', '$map(1, function($v) { [$v, $v] })', 'account.orders.products[0]', 'account.orders.products[[0..1]].sku', '$sum(1)', '$uppercase(missing)', 'account.orders.products.about.{"c": colour}[c = "Black"]', 'account.{"k": orders.id}', 'orders', 'account.orders.id & ""', '$distinct(account.orders.products.sku)', '$count(account.orders.products)', '$assert(true)', '[true, false, null]', '$lookup([{"a":1},{"a":2}], "a")', '($a := [1,2]; $a[0])', '$a', '$substringBefore("abc", "x")', '"x" & 1.50 & true & null & [1,{"a":2}]', 'account.orders#$i', 'account.orders@$o',
    // What is no value.
    '"a" + 1', '"a" < 1', '[1] < 2', '$sum(["a"])', '$number("x")', '$sqrt(-1)', '1/0', '$error("x")', '$foo()', 'name()', '{1: 2}', '{"a": 1, "a": 2}', '[1..1.5]', '["a"..2]', '-"a"', 'a ~> b', '$sort([1,"a"])', '$single([1,2])', '$reduce([1,2], function($x) { $x })', '$uppercase(1)', '$substring(1)', '$assert(false, "no")', '$base64decode()', '$split("a", ",", -1)', '$replace("a", "", "b")', 'account.orders^(products).id', '(', ')', '1 +', 'a.1', 'a.true', '"a', '/a', '1 2', '[1', '{"a" 1}', '$x := ', '1 := 2', 'function(1) {2}', '$sum(1,2,3)',
  ]],
  [groups, [manual, '$each($, function($v, $k) { $k })', '$keys($)', '$sift($, function($v, $k) { $k != "time" }).*.*.current', '*.*.*.voltage', '$spread(`New York`)', '`Los Angeles`.group_1.d_001.current']],
  [[{ a: 1, b: [] }, { a: 2 }, { b: 3 }, 4, [5, { a: 6 }]], ['a', '$', '$$', '$[0]', '$[0].a', '$[a = 2]', '*', '**', '$.a', '[a]', '$map($, function($v) { $type($v) })', '{"all": a}', '$count($)', '$[-1]', '$^(>a).a', '$.{"v": a}', '$sum(a)', '$filter($, function($v) { $exists($v.a) }).a', '$append($, 7)', '$string($)', '$sort($.a, function($x,$y) { $x < $y })']],
  ['text', ['$', '$uppercase()', '$ & "x"', 'a', '*', '$length()']],
  [null, ['$', 'a', '1', '$exists($)']],
];

const out = [];
for (const [input, expressions] of cases) {
  const results = [];
  for (const expression of expressions) {
    let entry;
    try {
      const value = await jsonata(expression).evaluate(input);
      const text = value === undefined || typeof value === 'function' ? undefined : JSON.stringify(value);
      entry = text === undefined ? { expression, nothing: true } : { expression, value: JSON.parse(text) };
    } catch (error) {
      entry = { expression, code: error.code ?? 'none' };
    }
    results.push(entry);
  }
  out.push({ input, results });
}
console.log('[');
out.forEach((group, at) => {
  console.log(`{"input": ${JSON.stringify(group.input)}, "results": [`);
  console.log(group.results.map((result) => JSON.stringify(result)).join(',\n'));
  console.log(at + 1 < out.length ? ']},' : ']}');
});
console.log(']');
