{{ config(materialized='table', indexes=[{'columns': ['placed'], 'unique': True}]) }}
select placed, count(*) as orders, sum(total) as total from {{ ref('named_orders') }} group by placed
