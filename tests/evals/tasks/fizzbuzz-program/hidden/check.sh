set -e
test "$(python3 fizzbuzz.py 15 | tail -n 1)" = FizzBuzz
test "$(python3 fizzbuzz.py 15 | sed -n 9p)" = Fizz
test "$(python3 fizzbuzz.py 15 | wc -l)" = 15
for bad in "" 0 -3 x "3 4" 1.5; do
  set +e; out=$(python3 fizzbuzz.py $bad 2>err.txt); code=$?; set -e
  test "$code" = 2; test -z "$out"; test -s err.txt; ! grep -q Traceback err.txt
done
