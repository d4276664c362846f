-- What tests/it/real_input.rs asks triglot and DuckDB, in words that both understand. Every query orders
-- its rows; table cpu is TSBS's, the others are the CSV files of vega_datasets.

-- all rows
select count(*), count(usage_user), min(time), max(time), count(distinct hostname) from cpu;
-- sums of all fields
select sum(usage_user), sum(usage_system), sum(usage_idle), sum(usage_nice), sum(usage_iowait), sum(usage_irq),
  sum(usage_softirq), sum(usage_steal), sum(usage_guest), sum(usage_guest_nice) from cpu;
-- by host
select hostname, region, rack, count(*), sum(usage_user), min(usage_idle), max(usage_guest_nice), avg(usage_irq)
from cpu group by hostname, region, rack order by hostname;
-- by hour
select date_trunc('hour', time) as hour, count(*), sum(usage_user), sum(usage_guest_nice), max(usage_system)
from cpu group by 1 order by 1;
-- by host and hour
select hostname, date_trunc('hour', time) as hour, count(*), sum(usage_user), sum(usage_nice)
from cpu group by 1, 2 order by 1, 2;
-- by tags of hosts
select service, service_environment, count(distinct hostname), sum(usage_steal) from cpu
group by 1, 2 order by 1, 2;
-- by value
select usage_user, count(*) from cpu group by 1 order by 1;
-- busy hosts
select hostname, count(*), min(time), max(time) from cpu where usage_user > 98 group by 1 order by 1;
-- two minutes of one host
select time, hostname, region, datacenter, rack, os, arch, team, service, service_version, service_environment,
  usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq, usage_softirq, usage_steal, usage_guest,
  usage_guest_nice
from cpu where hostname = 'host_42' and time >= '2016-01-01T23:59:00' and time < '2016-01-02T00:01:00'
order by time;
-- one hour of some hosts
select hostname, sum(usage_user), count(*) from cpu where hostname in ('host_1', 'host_10', 'host_99')
  and time >= '2016-01-01T12:00:00' and time < '2016-01-01T13:00:00' group by 1 order by 1;
-- newest of each host
select hostname, max(time), sum(usage_user) from cpu
where time = (select max(time) from cpu) group by 1 order by 1;
-- temperatures
select city, count(*), sum(temp), min(temp), max(temp), min(time), max(time) from temps group by 1 order by 1;
-- temperatures by month
select city, date_trunc('month', time) as month, count(*), avg(temp) from temps group by 1, 2 order by 1, 2;
-- two cities side by side
select a.time, a.temp, b.temp from temps a join temps b on a.time = b.time
where a.city = 'seattle' and b.city = 'san francisco' and a.temp > b.temp + 5 order by a.time;
-- weather
select weather, count(*), sum(precipitation), sum(temp_max), sum(temp_min), avg(wind) from daily group by 1 order by 1;
-- weather by year
select date_trunc('year', time) as year, count(*), sum(precipitation), max(wind) from daily group by 1 order by 1;
-- weather as it is
select time, weather, precipitation, temp_max, temp_min, wind from daily order by time;
-- stocks
select symbol, count(*), sum(price), min(time), max(time) from stocks group by 1 order by 1;
-- highest prices
select symbol, time, price from stocks where price > 300 order by price desc, symbol, time;
-- power
select source, count(*), sum(net_generation) from power group by 1 order by 1;
-- power by year
select time, source, net_generation from power order by time, source;
-- employment
select count(*), sum(nonfarm), sum(trade_transportation_utilties), sum(utilities), sum(nonfarm_change) from employment;
