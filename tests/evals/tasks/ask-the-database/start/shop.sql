create table customer (id integer primary key, name text not null);
create table orders (id integer primary key, customer integer references customer, cents integer, paid integer);
insert into customer values (1, 'Ana'), (2, 'Ben'), (3, 'Cem'), (4, 'Dora'), (5, 'Eli');
insert into orders values (1, 1, 500, 1), (2, 1, 900, 0), (3, 2, 700, 1), (4, 3, 700, 1), (5, 4, 100, 1), (6, 5, 9999, 0);
