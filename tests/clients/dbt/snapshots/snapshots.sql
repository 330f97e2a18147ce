{% snapshot customers_by_time %}
{{ config(target_schema='shop', unique_key='id', strategy='timestamp', updated_at='changed_at') }}
select * from {{ ref('customers') }}
{% endsnapshot %}

{% snapshot customers_by_value %}
{{ config(target_schema='shop', unique_key='id', strategy='check', check_cols=['city'], hard_deletes='invalidate') }}
select * from {{ ref('customers') }}
{% endsnapshot %}
