select customer.name as name, sum(orders.cents) as total
from customer join orders on orders.customer = customer.id
where orders.paid
group by customer.id
order by total desc, name
limit 3
