-- ## connect
-- row: 1
set time zone 'UTC';
select 1 as "test";

-- ## tables and columns
-- row: orders|amount|numeric|10|2
select t.table_name, c.column_name, c.data_type, c.numeric_precision, c.numeric_scale from information_schema.tables t inner join information_schema.columns c on t.table_schema = c.table_schema and t.table_name = c.table_name where t.table_schema = 'tool_shop' order by t.table_name, c.ordinal_position;

-- ## an explore with a time frame
-- row: 2024-03-04|3|*
select (date(date_trunc('day', orders.placed at time zone 'UTC'))) as "orders.placed_date", count(*) as "orders.count", coalesce(sum(orders.amount), 0) as "orders.total" from tool_shop.orders as orders where ((orders.placed) >= ((select timestamp '2024-03-04')) and (orders.placed) < ((select (timestamp '2024-03-04' + interval '1 day')))) group by 1 order by 1 desc limit 500;

-- ## a derived table kept for a while
-- rows: 2
create table tool_shop.lr_1 as select customer, count(*) as n from tool_shop.orders group by 1;
create index lr_1_customer on tool_shop.lr_1 (customer);
alter table tool_shop.lr_1 rename to lr_2;
select * from tool_shop.lr_2;
drop table tool_shop.lr_2;
values (1), (2);
