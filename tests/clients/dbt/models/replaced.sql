{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}
select id, total, {{ var('run') }} as run from {{ ref('orders') }}
{% if is_incremental() %} where id >= 3 {% endif %}
