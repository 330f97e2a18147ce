select c.name from {{ ref('large') }} l join {{ ref('customers') }} c on c.id = l.customer
