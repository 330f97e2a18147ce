{{ config(materialized='incremental', on_schema_change='append_new_columns') }}
select id, total {% if is_incremental() %}, 'late' as note {% endif %} from {{ ref('orders') }}
{% if is_incremental() %} where id = 4 {% endif %}
