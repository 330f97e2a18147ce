{{ config(materialized='ephemeral') }}
select * from {{ ref('orders') }} where total > 5
