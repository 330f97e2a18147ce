select o.id, o.placed, o.total, c.name
from {{ ref('orders') }} o join {{ ref('customers') }} c on c.id = o.customer
