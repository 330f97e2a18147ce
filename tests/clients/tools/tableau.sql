-- ## connect
-- row: read committed
set datestyle = 'ISO';
set extra_float_digits = 2;
show transaction_isolation;

-- ## tables
-- row: tool_shop|orders|TABLE
select n.nspname as schem, c.relname as tab, case c.relkind when 'r' then 'TABLE' when 'v' then 'VIEW' else c.relkind::text end as kind from pg_catalog.pg_namespace n, pg_catalog.pg_class c where c.relnamespace = n.oid and c.relkind in ('r', 'v') and n.nspname = 'tool_shop' order by 1, 2;

-- ## temporary tables of a session
-- rows: 1
begin;
create local temporary table "#Tableau_1_Connect" (x integer) on commit preserve rows;
insert into "#Tableau_1_Connect" values (1);
drop table "#Tableau_1_Connect";
rollback;
select 1;

-- ## a view of a worksheet
-- row: Ada|630.00
select "customers"."name" as "name", sum("orders"."amount") as "sum:amount:ok" from "tool_shop"."orders" "orders" inner join "tool_shop"."customers" "customers" on ("orders"."customer" = "customers"."id") group by 1 having (count(1) > 0);

-- ## a quarter
-- row: 1|40
select cast(trunc(extract(quarter from "orders"."placed")) as integer) as "qr:placed:ok", sum(1) as "n" from "tool_shop"."orders" "orders" group by 1;

-- ## a first look
-- rows: 1
select * from (select * from "tool_shop"."orders") "t" limit 1;
