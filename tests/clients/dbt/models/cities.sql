{{ config(materialized='materialized_view', indexes=[{'columns': ['city'], 'unique': True}]) }}
select city, count(*) as customers from {{ ref('customers') }} group by city
